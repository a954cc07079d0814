"""What is drawn: one state of one screen, and how it is reached."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.screens import families

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld


@dataclass(frozen=True, slots=True)
class Shot:
    """One state of a screen.

    ``name`` is the file's (a-z, 0-9, -), ``title`` what it shows, in French; ``figure`` those of the guide. ``who`` is
    a client of the world whose certificate is presented, None for nobody. ``reach`` leads the page there; what it
    leaves behind must not hinder the others. Each is drawn at every width, from a new browser profile.
    """

    name: str
    title: str
    who: str | None
    reach: Callable[[Page, PortalWorld], None]
    figure: str = ""


def all_shots() -> Iterator[tuple[str, Shot]]:
    """(family, shot) of each module of ``families``, whose ``SHOTS`` are in the order of its screens."""
    for module in sorted(found.name for found in pkgutil.iter_modules(families.__path__)):
        loaded = importlib.import_module(f"{families.__name__}.{module}")
        yield from ((module, shot) for shot in loaded.SHOTS)

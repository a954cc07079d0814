"""Draw them: ``python -m tests.screens [folder] [family ...]``; an index page leads through them."""

from __future__ import annotations

import html
import logging
import sys
import tempfile
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import structlog
from playwright.sync_api import Browser, sync_playwright

from tests.integration.portal.world import PortalWorld, make_portal_world
from tests.screens.shots import Shot, all_shots
from tests.support.hierarchies import make_hierarchy

_CHROMIUM = "/usr/bin/chromium"
_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
_WIDTHS = (1280, 360)


def main(arguments: list[str]) -> int:
    """Every shot of the families named, or of all; 1 when one could not be reached."""
    folder = Path(arguments[0]) if arguments else Path("build/screens")
    shots = [(family, shot) for family, shot in all_shots() if not arguments[1:] or family in arguments[1:]]
    folder.mkdir(parents=True, exist_ok=True)
    # What the portal has to say of the refusals that are drawn on purpose helps nobody here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="igc-screens-") as place, sync_playwright() as playwright:
        production = make_hierarchy(Path(place) / "production", "PRODUCTION")
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        for family, of_family in groupby(shots, key=itemgetter(0)):
            # A plateforme each: what one family places or grants is not what another one expects.
            with make_portal_world(Path(place) / family, production) as world:
                world.run_batch()
                for _, shot in of_family:
                    for width in _WIDTHS:
                        failed += not _draw(browser, world, shot, width, folder / f"{family}-{shot.name}-{width}.png")
        browser.close()
    (folder / "index.html").write_text("\n".join(_index(shots)), encoding="utf-8")
    print(f"{len(shots) * len(_WIDTHS) - failed} images dans {folder}, à feuilleter par index.html")
    return 1 if failed else 0


def _draw(browser: Browser, world: PortalWorld, shot: Shot, width: int, target: Path) -> bool:
    options: dict[str, Any] = {}
    if shot.who is not None:
        client = world.client(shot.who)
        options["client_certificates"] = [
            {"origin": world.url, "certPath": str(client.certificate), "keyPath": str(client.key)}
        ]
    context = browser.new_context(
        base_url=world.url,
        ignore_https_errors=True,
        locale="fr-FR",
        timezone_id="Europe/Paris",
        viewport={"width": width, "height": 800},
        **options,
    )
    context.set_default_timeout(20_000)
    try:
        page = context.new_page()
        shot.reach(page, world)
        page.screenshot(path=target, full_page=True)
    except Exception as error:  # noqa: BLE001 -- the others are drawn all the same
        print(f"{target.name} : {error!s}", file=sys.stderr)
        return False
    finally:
        context.close()
    return True


def _index(shots: list[tuple[str, Shot]]) -> Iterator[str]:
    yield "<!doctype html><html lang=fr><meta charset=utf-8><title>Écrans du portail</title>"
    yield "<style>body{font:16px system-ui;margin:2rem}figure{display:flex;gap:1rem;align-items:start}"
    yield "img{border:1px solid #999}img.l{width:70%}img.e{width:20%}</style><h1>Écrans du portail</h1>"
    for family, shot in shots:
        figure = f" (figure {shot.figure})" if shot.figure else ""
        yield f"<h2>{family} : {html.escape(shot.title + figure)}</h2><figure>"
        for width, kind in zip(_WIDTHS, "le", strict=True):
            source = f"{family}-{shot.name}-{width}.png"
            yield f'<a href="{source}"><img class="{kind}" loading=lazy src="{source}" alt="{width} px"></a>'
        yield "</figure>"


sys.exit(main(sys.argv[1:]))

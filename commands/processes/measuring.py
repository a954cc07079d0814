"""Which processes count what they do: those that the settings say, and only where somebody reads it."""

from __future__ import annotations

from typing import Any

from publication.app import PublicationApp
from runtime.metrics.asgi import Counted, by_route
from runtime.metrics.recording import begin, is_counting
from runtime.settings.model import Settings


def begin_counting(settings: Settings) -> None:
    """Count in this process from now on, when metrics are served."""
    if settings.metrics.port:
        begin(settings.metrics.folder)


def counted_pages(app: Any, canal: str) -> Any:  # noqa: ANN401 -- an application of Starlette, or around it
    """The application, its pages counted by their routes; itself where nothing is counted."""
    return Counted(app, canal, by_route(app.routes)) if is_counting() else app


def counted_answers(app: PublicationApp) -> Any:  # noqa: ANN401 -- an application, or what is around it
    """The publication, counted by kind; itself where nothing is counted."""
    return Counted(app, "publication", app.kind_of) if is_counting() else app

"""Which pages one can come to from the first one, by links and by searches that are sent empty."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import requests
from lxml import html
from starlette.applications import Starlette
from starlette.routing import Match, Route

from tests.integration.portal.world import PortalWorld

_MOST = 80
"""Pages of one crawl: a portal of more would have to be looked at in parts."""


def reachable(world: PortalWorld, session: requests.Session, starts: tuple[str, ...]) -> list[str]:
    """One address for each route, with a query and without; the starts among them whatever their routes."""
    found: dict[tuple[str, bool], str] = {}
    pages: list[str] = []
    waiting = deque(starts)
    while waiting:
        address = waiting.popleft()
        key = kind(world.app, address)
        if key is None or (key in found and address not in starts):
            continue
        found[key] = address
        answer = session.get(world.url + address)
        assert answer.status_code in {200, 422}, (address, answer.status_code)
        if not answer.headers["content-type"].startswith("text/html") or address in pages:
            continue
        pages.append(address)
        assert len(pages) <= _MOST
        waiting.extend(_leads(answer.text, address, world.url))
    return pages


def kind(app: Starlette, address: str) -> tuple[str, bool] | None:
    """The route of a page; None for what no route of a page answers."""
    parts = urlsplit(address)
    scope = {"type": "http", "method": "GET", "path": parts.path, "headers": []}
    for route in app.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL:
            return route.path, bool(parts.query)
    return None


def _leads(page: str, address: str, origin: str) -> Iterator[str]:
    document = html.fromstring(page)
    links = document.xpath("//a/@href | //form[not(@method) or @method='get']/@action")
    assert isinstance(links, list)
    for link in links:
        parts = urlsplit(urljoin(origin + address, str(link)))
        if f"{parts.scheme}://{parts.netloc}" == origin:
            yield parts.path + (f"?{parts.query}" if parts.query else "")

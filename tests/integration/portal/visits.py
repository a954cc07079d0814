"""Pages of the portal as a browser without script uses them: read, filled in, sent."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import Any

import requests
from lxml import html

from tests.integration.portal.world import PortalWorld


@dataclass(frozen=True)
class Visit:
    """Somebody at the portal; addresses are paths."""

    world: PortalWorld
    session: requests.Session

    def get(self, path: str, status: int = 200) -> str:
        answer = self.session.get(self.world.url + path, allow_redirects=False)
        assert answer.status_code == status, (path, answer.status_code, words(answer.text))
        return answer.text

    def download(self, path: str, status: int = 200) -> requests.Response:
        answer = self.session.get(self.world.url + path)
        assert answer.status_code == status, (path, answer.status_code)
        return answer

    def post(self, path: str, fields: Any, origin: str | None = None) -> requests.Response:
        return self.session.post(
            self.world.url + path,
            data=fields,
            headers={"Origin": self.world.url if origin is None else origin},
            allow_redirects=False,
        )

    def send(self, path: str, **changes: str | None) -> requests.Response:
        """Open the page, fill the form on it that is sent to the same address, and send it."""
        return self.post(path, filled(self.get(path), path) | {k: v for k, v in changes.items() if v is not None})

    def csv(self, path: str) -> list[dict[str, str]]:
        content = self.download(path).content
        assert content.startswith(b"\xef\xbb\xbf")
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def visit(world: PortalWorld, who: str) -> Visit:
    return Visit(world, world.session(who))


def filled(page: str, action: str) -> dict[str, str]:
    """What a browser would send of a form that nobody has touched."""
    (form,) = _nodes(page, f"//form[@method='post'][@action='{action}']")
    return {name: value for name, value in form.form_values() if name}


def numeros(page: str) -> list[int]:
    """The numbers of the rows of a page of results."""
    return [int(found) for found in re.findall(r'<a class="numero" href="/suivi/\w+/(\d+)', page)]


def words(page: str) -> str:
    """What people read of a page."""
    (main,) = _nodes(page, "//main")
    return re.sub(r"\s+", " ", main.text_content()).strip()


def links(page: str) -> set[str]:
    """Where the links of the page itself lead."""
    return {str(link.get("href")) for link in _nodes(page, "//main//a[@href]")}


def invalid(page: str) -> list[str]:
    """The fields at which something is wrong."""
    return [str(node.get("name")) for node in _nodes(page, "//*[@aria-invalid='true']")]


def _nodes(page: str, path: str) -> list[Any]:
    found = html.fromstring(page).xpath(path)
    assert isinstance(found, list)
    return found

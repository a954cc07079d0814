"""Every page that one comes to by links: axe, the structure that all of them have, the keyboard, small windows and zoom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.integration.portal.crawler import reachable
from tests.integration.portal.wizard import ready
from tests.integration.portal.world import PortalWorld

pytestmark = [pytest.mark.needs("chromium", "npm"), pytest.mark.timeout(400)]
Open = Callable[..., BrowserContext]

PEOPLE = ("dr-leroux", "ide-sans-droit")
"""An administrator of structures with a lot behind her, and a nurse who has nothing yet."""
WINDOWS: dict[str, dict[str, Any]] = {
    "1280 px": {"viewport": {"width": 1280, "height": 900}},
    "360 px": {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 3, "has_touch": True},
    "zoom 200 %": {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2},
}
_FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
_ON = f"main :is({_FOCUSABLE}), nav :is({_FOCUSABLE})"
_FOCUS = """() => {
  const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect()
  if (element === document.body) return null
  return {
    what: element.outerHTML.slice(0, 120),
    marked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  }
}"""


@pytest.fixture(scope="module")
def pages(world: PortalWorld) -> dict[str, list[str]]:
    """Whose pages: from the first one, and those that a link does not lead to, for which something has to be typed."""
    world.enroll("ide-sans-droit")
    starts = ("/", f"/suivi/demandes?index_lot={world.lot}", "/deconnexion")
    session = world.session(PEOPLE[0])
    form = ready(world, session)
    typed = tuple(form.url(step) for step in (1, 2, 3, 4, "details", "finalisation"))
    nurse = world.session(PEOPLE[1])
    return {PEOPLE[0]: reachable(world, session, starts + typed), PEOPLE[1]: reachable(world, nurse, starts)}


@pytest.fixture(params=PEOPLE)
def person(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def visit(page: Page, addresses: list[str]) -> Iterator[str]:
    for address in addresses:
        page.goto(address)
        yield address


def test_the_crawl_finds_the_portal(pages: dict[str, list[str]]) -> None:
    # Without this one, the others would also pass on a first page without links.
    assert {"/", "/suivi", "/demander", "/deconnexion"} <= set(pages["dr-leroux"])
    assert any("/historique" in address for address in pages["dr-leroux"]), pages
    assert {"/", "/suivi"} <= set(pages["ide-sans-droit"])


@pytest.mark.parametrize(
    ("name", "window"), [("dr-leroux", "1280 px"), ("dr-leroux", "360 px"), ("ide-sans-droit", "360 px")]
)
def test_axe_finds_nothing(
    open_context: Open, pages: dict[str, list[str]], name: str, window: str, check_accessibility: Callable[[Page], None]
) -> None:
    page = open_context(name, **WINDOWS[window]).new_page()
    found = {}
    for address in visit(page, pages[name]):
        try:
            check_accessibility(page)
        except AssertionError as error:
            found[address] = str(error)
    assert found == {}


@pytest.mark.parametrize("window", WINDOWS)
def test_no_page_is_wider_than_its_window(
    open_context: Open, pages: dict[str, list[str]], person: str, window: str
) -> None:
    page = open_context(person, **WINDOWS[window]).new_page()
    assert [address for address in visit(page, pages[person]) if excess(page) > 0] == []


def excess(page: Page) -> int:
    """By how many pixels the page is wider than what can be seen of it."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_each_page_has_a_name_a_heading_a_language_and_a_way_on(
    open_context: Open, pages: dict[str, list[str]], person: str
) -> None:
    page = open_context(person).new_page()
    titles: dict[str, str] = {}
    for address in visit(page, pages[person]):
        assert page.locator("h1").count() == 1, address
        assert page.locator("html").get_attribute("lang") == "fr", address
        title = page.title()
        assert not title.startswith(" –"), (address, title)
        titles.setdefault(title, address)
        assert page.locator("main").count() == page.locator("header").count() == 1, address
        ways = page.locator(_ON)
        assert [way for way in ways.all() if way.get_attribute("href") != address], f"{address} is a dead end"
    assert len(titles) >= len({address.split("?")[0] for address in pages[person]}) * 2 // 3, titles


def test_each_page_is_walked_by_keyboard(open_context: Open, pages: dict[str, list[str]], person: str) -> None:
    page = open_context(person, reduced_motion="reduce").new_page()
    for address in visit(page, pages[person]):
        # A page that says what is wrong begins there; every other one with the way past the menu.
        if page.evaluate("document.activeElement === document.body"):
            page.keyboard.press("Tab")
            first = page.evaluate(_FOCUS)
            assert "Aller au contenu" in first["what"], (address, first)
            assert first["seen"], address
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.id") == "contenu", address
        walked: list[dict[str, Any]] = []
        while len(walked) < 200 and (found := _next(page)) is not None:
            walked.append(found)
        assert [one for one in walked if not (one["marked"] and one["seen"])] == [], address


def _next(page: Page) -> dict[str, Any] | None:
    """What the next press of the key leads to; None at the end of the page."""
    page.keyboard.press("Tab")
    found: dict[str, Any] | None = page.evaluate(_FOCUS)
    return found


@pytest.mark.parametrize("address", ["/rien", "/suivi/demandes/999999999", "/tiers"])
def test_a_refusal_is_a_page_like_the_others(
    open_context: Open, address: str, check_accessibility: Callable[[Page], None]
) -> None:
    page = open_context("dr-leroux", **WINDOWS["360 px"]).new_page()
    page.goto(address)
    assert (page.locator("h1").count(), excess(page) <= 0) == (1, True)
    assert page.locator(_ON).count() > 0
    check_accessibility(page)


def test_who_is_not_let_in_has_a_way_on_too(open_context: Open, check_accessibility: Callable[[Page], None]) -> None:
    page = open_context(None, **WINDOWS["360 px"]).new_page()
    page.goto("/")
    assert page.locator("h1").count() == 1
    assert page.locator("main a[href]").count() > 0
    assert excess(page) <= 0
    check_accessibility(page)

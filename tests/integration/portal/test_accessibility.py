"""Every page that one comes to by links: axe, the structure that all of them have, the keyboard, small windows and zoom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize

from registration.acteurs.habilitations import Terms
from registration.acteurs.operateurs import name_operateur
from tests.integration.portal.crawler import reachable
from tests.integration.portal.wizard import ready
from tests.integration.portal.world import PortalWorld

pytestmark = [pytest.mark.needs("chromium", "npm"), pytest.mark.timeout(400)]
Open = Callable[..., BrowserContext]

PEOPLE = ("dr-leroux", "ide-sans-droit", "operatrice-des-pages")
"""An administrator of structures with a lot behind her, a nurse who has nothing yet, an operator in her room."""
DESK, PHONE, ZOOMED = (1280, 900), (360, 740), (640, 450)
"""Windows in CSS pixels; the last one is what is left of the first one at a zoom of 200 %."""
_FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
_LONGEST_WALK = 300
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
    administrator, nurse, operator = PEOPLE
    world.enroll(nurse)
    world.enroll(operator)
    with world.db.write() as session:
        name_operateur(session, world.acteurs[operator].id, datetime.now(UTC), Terms(motif="essai"))
    form = ready(world, world.session(administrator))
    typed = tuple(form.url(step) for step in (1, 2, 3, 4, "details", "finalisation"))
    common = ("/", f"/suivi/demandes?index_lot={world.lot}", "/deconnexion")
    starts = {administrator: common + typed, nurse: common, operator: ("/exploitation",)}
    return {name: reachable(world, world.session(name), starts[name]) for name in PEOPLE}


def test_the_crawl_finds_the_portal(pages: dict[str, list[str]]) -> None:
    # Without this one, the next would also pass on a first page without links.
    administrator, nurse, operator = PEOPLE
    assert {"/", "/suivi", "/demander", "/deconnexion"} <= set(pages[administrator])
    assert any("/historique" in address for address in pages[administrator]), pages
    assert {"/", "/suivi"} <= set(pages[nurse])
    assert len([address for address in pages[operator] if address.startswith("/exploitation")]) > 5


@pytest.mark.parametrize("name", PEOPLE)
def test_every_page_is_for_everybody(
    open_context: Open, pages: dict[str, list[str]], name: str, check_accessibility: Callable[[Page], None]
) -> None:
    page = open_context(name, reduced_motion="reduce", viewport=size(DESK)).new_page()
    faults: dict[str, list[str]] = {}
    for address in pages[name]:
        page.goto(address)
        found = [*_structure(page, address), *_keyboard(page)]
        if name == PEOPLE[0]:
            found += _axe(page, check_accessibility)
        for window in (ZOOMED, PHONE):
            page.set_viewport_size(size(window))
            if excess(page) > 0:
                found.append(f"{excess(page)} px too wide for {window}")
        found += _axe(page, check_accessibility)
        page.set_viewport_size(size(DESK))
        if found:
            faults[address] = found
    assert faults == {}


def size(window: tuple[int, int]) -> ViewportSize:
    return {"width": window[0], "height": window[1]}


def excess(page: Page) -> int:
    """By how many pixels the page is wider than what can be seen of it."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def _axe(page: Page, check: Callable[[Page], None]) -> list[str]:
    try:
        check(page)
    except AssertionError as error:
        return [str(error)]
    return []


def _structure(page: Page, address: str) -> Iterator[str]:
    """A name, a language, one heading of the first level, the landmarks, and somewhere to go on to."""
    counts = {name: page.locator(name).count() for name in ("h1", "main", "body > header", "html[lang=fr]")}
    yield from (f"{count} × {name}" for name, count in counts.items() if count != 1)
    title, heading = page.title(), page.locator("h1").first.inner_text()
    if title.startswith(" –") or not heading.strip():
        yield f"title {title!r}, heading {heading!r}"
    ways = page.eval_on_selector_all(_ON, "all => all.map(one => one.getAttribute('href'))")
    if not [way for way in ways if way != address]:
        yield "a dead end"


def _keyboard(page: Page) -> Iterator[str]:
    """The way past the menu comes first and leads there; everything else shows that it has the focus, where it can be seen."""
    # A page that says what is wrong begins there.
    if page.evaluate("document.activeElement === document.body"):
        first = _next(page)
        if first is None or "Aller au contenu" not in first["what"] or not first["seen"]:
            yield f"no way past the menu: {first}"
        page.keyboard.press("Enter")
        if page.evaluate("document.activeElement.id") != "contenu":
            yield "the way past the menu leads elsewhere"
    for _ in range(_LONGEST_WALK):
        if (found := _next(page)) is None:
            return
        if not (found["marked"] and found["seen"]):
            yield f"{found}"
    yield "a page without end"


def _next(page: Page) -> dict[str, Any] | None:
    """What the next press of the key leads to; None at the end of the page."""
    page.keyboard.press("Tab")
    found: dict[str, Any] | None = page.evaluate(_FOCUS)
    return found


@pytest.mark.parametrize("address", ["/rien", "/suivi/demandes/999999999", "/tiers"])
def test_a_refusal_is_a_page_like_the_others(
    open_context: Open, address: str, check_accessibility: Callable[[Page], None]
) -> None:
    page = open_context("dr-leroux", viewport=size(PHONE)).new_page()
    page.goto(address)
    assert (page.locator("h1").count(), excess(page) <= 0) == (1, True)
    assert page.locator(_ON).count() > 0
    check_accessibility(page)


def test_who_is_not_let_in_has_a_way_on_too(open_context: Open, check_accessibility: Callable[[Page], None]) -> None:
    page = open_context(None, viewport=size(PHONE)).new_page()
    page.goto("/")
    assert page.locator("h1").count() == 1
    assert page.locator("main a[href]").count() > 0
    assert excess(page) <= 0
    check_accessibility(page)

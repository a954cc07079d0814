"""One plateforme and one Chromium for all tests of the portal."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.integration.portal.world import PortalWorld, make_portal_world
from tests.support.hierarchies import Hierarchy

_HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
# Milliseconds; a page takes some tens of them, a busy machine many more.
_PATIENCE = 20_000
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
# The size of what is pressed is of WCAG 2.2 AA, though axe does not look at it by itself.
_RUN = "locale => { axe.configure({locale}); return axe.run({rules: {'target-size': {enabled: true}}}) }"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, production_hierarchy: Hierarchy) -> Iterator[PortalWorld]:
    with make_portal_world(tmp_path_factory.mktemp("portal"), production_hierarchy) as made:
        made.run_batch()
        yield made


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """The locked npm packages of this folder, installed when they are not there yet."""
    with (_HERE / ".npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = _HERE / "node_modules"
        if not (packages / ".package-lock.json").exists():
            subprocess.run(["npm", "ci"], cwd=_HERE, check=True, capture_output=True)
    return packages


@pytest.fixture(scope="session")
def chromium(world: PortalWorld) -> Iterator[Browser]:  # the world outlives the browser that is connected to it
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_context(chromium: Browser, world: PortalWorld) -> Iterator[Callable[[str | None], BrowserContext]]:
    """A browser profile of its own for each person; None is somebody without a certificate."""
    contexts: list[BrowserContext] = []

    def open_one(name: str | None, **options: Any) -> BrowserContext:
        if name is not None:
            client = world.client(name)
            options["client_certificates"] = [
                {"origin": world.url, "certPath": str(client.certificate), "keyPath": str(client.key)}
            ]
        context = chromium.new_context(
            base_url=world.url,
            ignore_https_errors=True,
            locale="fr-FR",
            **{"viewport": {"width": 1360, "height": 900}, **options},
        )
        context.set_default_timeout(_PATIENCE)
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_context: Callable[[str | None], BrowserContext]) -> Page:
    """A window of Camille Leroux, administrator of the hospital."""
    return open_context("dr-leroux").new_page()


@pytest.fixture(scope="session")
def check_accessibility(npm_packages: Path) -> Callable[[Page], None]:
    """Run axe-core in a page; every violation, of any level, fails."""
    source = (npm_packages / "axe-core" / "axe.min.js").read_text()
    french = json.loads((npm_packages / "axe-core" / "locales" / "fr.json").read_text())

    def check(page: Page) -> None:
        # A colour on its way to another one is neither of them.
        page.evaluate("() => document.getAnimations().forEach(one => { try { one.finish() } catch { one.cancel() } })")
        page.evaluate(source)
        found = page.evaluate(_RUN, french)
        assert found["passes"], "axe looked at nothing"
        problems = [
            (rule["id"], node["html"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]
        ]
        assert problems == []

    return check

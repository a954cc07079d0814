"""Login with a card in real browsers: the dialog for its code is filled in at the keyboard (guide figure 14)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from registration.sessions.values import Porte
from tests.integration.portal.conftest import CHROMIUM, FLAGS
from tests.integration.portal.portes import served_doors
from tests.integration.portal.world import PortalWorld
from tests.support.firefox import Firefox, make_firefox, make_profile, nss
from tests.support.virtual_card.chip import Chip
from tests.support.virtual_card.desktop import Desktop, make_desktop
from tests.support.virtual_card.reader import Reader, make_reader, opensc_library

pytestmark = pytest.mark.needs(
    "pcscd", "vsmartcard-vpcd", "opensc", "opensc-pkcs11", "firefox-esr", "chromium", "xvfb", "openbox", "xdotool",
    "libnss3-tools",
)  # fmt: skip
DIALOG = "Password Required|Mot de passe"
UNLOCK = "Unlock Security Device|Déverrouiller"
_PATIENCE = 30.0


@pytest.fixture(scope="module")
def door(world: PortalWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where cards come in."""
    with served_doors(world, tmp_path_factory.mktemp("carte"), portes=(Porte.CARTE,)) as portes:
        yield portes.carte


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with make_reader(tmp_path_factory.mktemp("pcsc") / "l") as made:
        yield made


@pytest.fixture
def desktop(reader: Reader, tmp_path: Path) -> Iterator[Desktop]:
    with make_desktop(tmp_path, reader.environment) as made:
        yield made


@pytest.fixture
def firefox(desktop: Desktop, world: PortalWorld, tmp_path: Path) -> Iterator[Firefox]:
    """One with the card's library and no certificate of its own."""
    profile = make_profile(tmp_path / "profil", world.root)
    nss(profile, "modutil", "-force", "-add", "OpenSC", "-libfile", opensc_library())
    with make_firefox(profile, desktop.environment, headless=False) as browser:
        yield browser


def until(true: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and not true():
        time.sleep(0.1)
    return true()


def type_code(desktop: Desktop, code: str) -> None:
    desktop.wait_for(DIALOG)
    desktop.type(code)
    desktop.press("Return")


def give_up(desktop: Desktop) -> None:
    """Close the dialog as often as it is shown: the browser asks once for each connection that it tries."""

    def is_gone() -> bool:
        if not desktop.has(DIALOG):
            time.sleep(0.5)
            return not desktop.has(DIALOG)
        desktop.wait_for(DIALOG)
        desktop.press("Escape")
        time.sleep(0.3)
        return False

    assert until(is_gone)


def test_in_firefox_the_bearer_comes_in_with_the_code(
    reader: Reader, desktop: Desktop, firefox: Firefox, door: str, world: PortalWorld
) -> None:
    with reader.inserted(Chip.of(world.client("ide-marchand"))) as chip:
        firefox.open_slowly(door)
        type_code(desktop, "9999")
        assert until(lambda: chip.pin.tries == 2)
        type_code(desktop, "1234")
        assert until(lambda: chip.pin.proved)
        firefox.open(door)
        assert "Bonjour, MARCHAND SOPHIE" in firefox.text
        firefox.click('a[href="/suivi"]')
        assert "Suivi des demandes" in firefox.text
        assert (chip.pin.tries, chip.signatures > 0) == (3, True)


def test_in_firefox_who_gives_no_code_is_told_what_to_do(
    reader: Reader, desktop: Desktop, firefox: Firefox, door: str, world: PortalWorld
) -> None:
    with reader.inserted(Chip.of(world.client("ide-marchand"))) as chip:
        firefox.open_slowly(door)
        desktop.wait_for(DIALOG)
        give_up(desktop)
        assert until(lambda: "ERR_IHM_002" in firefox.text), firefox.text
        assert "Vérifiez que votre carte est bien dans le lecteur" in firefox.text
        assert "MARCHAND" not in firefox.text
        assert (chip.pin.tries, chip.signatures) == (3, 0)


def test_in_firefox_a_blocked_card_opens_nothing(
    reader: Reader, desktop: Desktop, firefox: Firefox, door: str, world: PortalWorld
) -> None:
    with reader.inserted(Chip.of(world.client("ide-marchand"), tries=1)) as chip:
        firefox.open_slowly(door)
        type_code(desktop, "9999")
        assert until(lambda: chip.pin.tries == 0)
        give_up(desktop)
        assert until(lambda: "ERR_IHM_002" in firefox.text), firefox.text
        assert chip.signatures == 0


def test_in_chromium_the_bearer_comes_in_with_the_code(
    reader: Reader, desktop: Desktop, chromium: Browser, door: str, world: PortalWorld, tmp_path: Path
) -> None:
    store = make_profile(tmp_path / ".pki" / "nssdb", world.root)
    nss(store, "modutil", "-force", "-add", "OpenSC", "-libfile", opensc_library())
    with reader.inserted(Chip.of(world.client("ide-marchand"))) as chip:
        context = chromium.browser_type.launch_persistent_context(
            tmp_path / "profil", executable_path=CHROMIUM, args=FLAGS, headless=False, no_viewport=True,
            env=dict(desktop.environment), locale="fr-FR",
        )  # fmt: skip
        page = context.pages[0]
        page.evaluate("address => { location = address }", door)
        dialog = desktop.wait_for(UNLOCK)
        desktop.click(dialog, 320, 65)
        desktop.type("1234")
        desktop.press("Return")
        assert until(lambda: chip.pin.proved)
        assert until(lambda: not desktop.has(UNLOCK))
        # Which certificate: there is one, and it is chosen already. The question is a part of the page's window.
        time.sleep(1.5)
        desktop.press("Return")
        assert until(lambda: "Bonjour, MARCHAND SOPHIE" in page.inner_text("body"))
        assert chip.signatures > 0
        context.close()

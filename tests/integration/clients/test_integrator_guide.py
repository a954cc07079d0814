"""docs/integrateurs.md is complete: every operation, code, exit code, column and setting. Its examples run in acceptance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from clients.cli.configuration import Configuration
from clients.cli.failures import ExitCode
from clients.cli.main import app
from clients.contract.files import MAX_DEMANDES
from clients.lots.manifest import ManifestLine
from clients.lots.table import COLUMNS
from commands.demo.kit import TABLE, client_settings, curl_settings
from registration.errors import Code
from runtime.settings.model import Settings
from tests.integration.clients.test_every_operation import COMMANDS

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "integrateurs.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)


ADDRESS = "https://localhost:8443/ws/lots/1.0"


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCKS if name == kind]


def test_the_files_that_the_guide_shows_are_those_of_the_demo() -> None:
    assert blocks("toml")[0] == client_settings(ADDRESS)
    assert blocks("csv")[0] == TABLE
    assert curl_settings(ADDRESS) in blocks("text")


def test_the_lot_of_the_guide_is_valid() -> None:
    schema = etree.XMLSchema(etree.parse(str(ROOT / "schemas" / "igc-lots-1.0.xsd")))
    schema.assertValid(etree.fromstring(blocks("xml")[0]))


# The search in the directory has no operation yet; who signs in does so on the portal, or chooses there for whom to act.
PORTAL_ALONE = {
    Code.HABILITATION_LOST,
    Code.VALIDATION_FAILED,
    Code.NOBODY_IN_STRUCTURE,
    Code.TIERS_NOT_SEARCHED,
    Code.SUBJECT_REFUSED,
    Code.WORKSTATION_UNFIT,
    Code.LOGIN_FAILED,
    # Of keys that a browser keeps.
    *(code for code in Code if code.name.startswith("CLE_")),
    # Of the site without login.
    Code.CODE_REFUSED,
    Code.CAPTCHA_REFUSED,
    Code.CODE_TRIED_TOO_OFTEN,
    Code.PROOF_SPENT,
}


def test_the_guide_lists_every_code_of_the_service_and_no_other() -> None:
    codes = {code.value for code in Code} - {code.value for code in PORTAL_ALONE}
    assert set(re.findall(r"ERR_(?:IHM|WS)_\d{3}(?:_\d)?", GUIDE)) == codes


def test_the_guide_lists_every_exit_code_column_and_setting() -> None:
    for code in ExitCode:
        assert f"| {code.value} |" in GUIDE
    for name in (*COLUMNS, *Configuration.__struct_fields__, *ManifestLine.__struct_encode_fields__):
        assert f"`{name}`" in GUIDE, name


def test_the_guide_names_every_operation_with_its_commands() -> None:
    (table,) = re.findall(r"^\| opération \| rôle \| commande \|\n\|-.*\n((?:\|.*\n)*)", GUIDE, re.MULTILINE)
    rows = [line.strip("|\n ").split(" | ") for line in table.splitlines()]
    assert {name for row in rows for name in re.findall("`([A-Za-z]+)`", row[0])} == set(COMMANDS)
    known = {command.name for command in app.registered_commands}
    assert {name for row in rows for name in re.findall("`([a-z-]+)", row[2])} == known - {"cles"}


def test_every_place_that_the_guide_points_to_is_there() -> None:
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", GUIDE, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) - anchors == set()
    assert len(anchors) == len(titles)


def test_the_limits_of_the_guide_are_those_of_the_plateforme() -> None:
    (chapter,) = re.findall(r"^## Limites, tailles et délais\n(.*?)^## ", GUIDE, re.DOTALL | re.MULTILINE)
    settings = Settings.from_mapping({}, base=ROOT)
    limits, rules = settings.ws.limits, settings.registration
    seconds = (limits.handshake_timeout_seconds, limits.header_timeout_seconds, limits.body_timeout_seconds)
    for line in (
        f"de 1 à {MAX_DEMANDES:_} |".replace("_", " "),
        f"| message | {limits.max_body_bytes >> 20} Mio ",
        f"| {seconds[0]:.0f}, {seconds[1]:.0f} et {seconds[2]:.0f} secondes |",
        f"| connexion sans requête | {limits.idle_timeout_seconds:.0f} secondes |",
        f"| 100 champs, {limits.max_header_bytes >> 10} Kio |",
        f"de {rules.renewal_window_days} jours avant la fin à 240 heures après",
    ):
        assert line in chapter
    assert (rules.retrait_days, "dix fois 24 heures" in chapter) == (10, True)
    schema = (ROOT / "schemas" / "igc-lots-1.0.xsd").read_text(encoding="utf-8")
    for name, most, told in (("TaillePage", 500, "500 au plus"), ("Attente", 30, "30 secondes")):
        assert re.search(rf'name="{name}".*?maxInclusive value="{most}"', schema, re.DOTALL)
        assert told in chapter

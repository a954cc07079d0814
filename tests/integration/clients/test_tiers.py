"""The client in the place of a third party: one option for every command, and never in one's own name for want of it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clients.cli.main import run
from clients.contract.schema_check import InvalidMessageError
from clients.contract.values import Lot
from clients.errors import AccesRefuse, MessageRefuse
from clients.lots.file import write_lot
from clients.service.lots import ServiceLots
from registration.acteurs.administrateurs import appoint, dismiss
from registration.acteurs.habilitations import Terms
from storage.database import Database
from tests.integration.clients.real_service import RealService
from tests.integration.clients.test_against_the_real_service import CODE, demande
from tests.support.acteurs import ADMINISTRATRICE, MEDECIN
from tests.support.hierarchies import Hierarchy
from tests.support.pairs import write_pair

pytestmark = pytest.mark.long

HELPER = "ph-arnaud"
LATER = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
_LOGGED = re.compile(r"\x1b|20\d\d-|\[(\x1b|debug|info|warning|error|critical)")


@pytest.fixture
def real(database: Database, hierarchy: Hierarchy, tmp_path: Path) -> Iterator[RealService]:
    folder = tmp_path / "tls"
    folder.mkdir()
    service = RealService(database, hierarchy, folder)
    service.client_files = write_pair(folder, HELPER, service.world.enroll_client(HELPER))
    with database.write() as session:
        ident = service.world.acteurs[HELPER].id
        assert appoint(session, ident, service.world.clock(), Terms(motif="assistance"))
    with service.running():
        yield service


@pytest.fixture
def config(real: RealService, tmp_path: Path) -> Path:
    certificate, key = real.client_files
    path = tmp_path / "igc-client.toml"
    path.write_text(
        f'url = "{real.url}"\ncertificat = "{certificate}"\ncle = "{key}"\nca = "{real.ca_file}"\nessais = 2\n'
    )
    (tmp_path / "code.txt").write_text(CODE)
    return path


def opened(real: RealService, pour: str | None = MEDECIN) -> ServiceLots:
    return ServiceLots(real.url, certificate=real.client_files, ca=real.ca_file, pour=pour)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run([*arguments, "--json"])
    # The service of these tests lives in this process and logs to the same place.
    lines = [line for line in capsys.readouterr().out.splitlines(keepends=True) if not _LOGGED.match(line)]
    return code, json.loads("".join(lines))


def test_every_call_is_made_in_his_place(real: RealService) -> None:
    with opened(real) as service, opened(real, None) as own:
        state = service.consulter_service()
        assert (state.acteur, state.administrateur) == ("LEROUX CAMILLE", "ARNAUD INES")
        assert own.consulter_service().administrateur is None
        index = service.deposer_lot(Lot(reference="l", demande=(demande(0, "d"),))).index_lot
        (numero,) = [one.numero_demande for one in service.iter_demandes(index)]
        lines = service.consulter_demande(numero).ligne_historique
        assert {line.administrateur for line in lines if line.canal == "WS"} == {"ARNAUD INES (899700990029)"}
        with pytest.raises(Exception, match="Aucun lot"):
            own.suivre_lot(index_lot=index)


def test_refusals_are_typed_and_a_number_of_the_wrong_form_is_not_sent(real: RealService) -> None:
    with opened(real, "899700990999") as service, pytest.raises(MessageRefuse) as wrong:
        service.mes_droits()
    assert (wrong.value.code, wrong.value.champ) == ("ERR_IHM_018", "pourLeCompteDe")
    with opened(real, "Dr Leroux") as service, pytest.raises(InvalidMessageError, match="numeroNational"):
        service.mes_droits()
    with pytest.raises(InvalidMessageError, match="pourLeCompteDe"):
        opened(real, "8997\x00")
    with real.world.db.write() as session:
        assert dismiss(session, real.world.acteurs[HELPER].id, real.world.clock(), "départ")
    with opened(real) as service, pytest.raises(AccesRefuse) as ended:
        service.mes_droits()
    assert (ended.value.code, ended.value.champ) == ("ERR_IHM_026", "pourLeCompteDe")


def test_one_option_for_every_command(
    real: RealService, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["--config", str(config), "--pour", MEDECIN]
    assert answer(capsys, *base, "etat")[1]["administrateur"] == "ARNAUD INES"
    path = tmp_path / "lot.xml"
    write_lot(Lot(reference="lot-cli", demande=tuple(demande(key, f"d-{key}") for key in range(3))), path)
    code, outcome = answer(
        capsys, *base, "tout", str(path), str(tmp_path / "sortie"), "--code-fichier", str(tmp_path / "code.txt"),
        "--accepter-cgu",
    )  # fmt: skip
    assert (code, outcome["retires"]) == (0, 3)
    index = str(outcome["indexLot"])
    assert [one["etat"] for one in answer(capsys, *base, "lister", index)[1]] == ["CLOSE"] * 3
    code, failure = answer(capsys, "--config", str(config), "lister", index)
    assert (code != 0, failure["erreur"]["code"]) == (True, "ERR_WS_031")
    # The same file in one's own name, or in another's, is not the same deposit.
    for other in ([], ["--pour", ADMINISTRATRICE]):
        code, failure = answer(capsys, "--config", str(config), *other, "deposer", str(path))
        assert (code != 0, f"pour le compte de {MEDECIN}" in failure["erreur"]["texte"]) == (True, True)
    assert answer(capsys, *base, "deposer", str(path))[1]["dejaDepose"]


def test_a_setting_does_what_the_option_does(
    real: RealService, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text() + f'pour = "{MEDECIN}"\n')
    assert answer(capsys, "--config", str(config), "etat")[1]["acteur"] == "LEROUX CAMILLE"
    code, state = answer(capsys, "--config", str(config), "--pour", ADMINISTRATRICE, "etat")
    assert (code, state["acteur"] != "LEROUX CAMILLE", state["administrateur"]) == (0, True, "ARNAUD INES")
    code, failure = answer(capsys, "--config", str(config), "--pour", "", "etat")
    assert (code != 0, "--pour" in failure["erreur"]["texte"]) == (True, True)


def test_revocations_are_listed_kept_as_csv_and_a_lot_of_them_given_up(
    real: RealService, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["--config", str(config), "--pour", MEDECIN]
    path = tmp_path / "lot.xml"
    write_lot(Lot(reference="parc", demande=tuple(demande(key, f"d-{key}") for key in range(3))), path)
    withdrawn = ["--code-fichier", str(tmp_path / "code.txt"), "--accepter-cgu"]
    _, outcome = answer(capsys, *base, "tout", str(path), str(tmp_path / "sortie"), *withdrawn)
    numeros = [one["numeroDemande"] for one in answer(capsys, *base, "lister", str(outcome["indexLot"]))[1]]
    table = tmp_path / "revoquer.csv"
    table.write_text(
        "numeroProduit;dateEffet\n" + f"{numeros[0]};{LATER}\n{numeros[1]};\n{numeros[2]};{LATER}\n999999;\n"
    )
    common = ["--motif", "AUTRE", "--autre-motif", "=1+1", "--email", "a@acacias.example", "--oui"]
    assert answer(capsys, *base, "revoquer", str(table), "--reference", "rev", *common)[0] == 1
    kept = tmp_path / "suivi.csv"
    code, listed = answer(capsys, *base, "revocations", "rev", "--csv", str(kept))
    assert (code, [one["resultat"] for one in listed]) == (0, ["PROGRAMMEE", "REVOQUE", "PROGRAMMEE", "REFUSEE"])
    rows = list(csv.DictReader(kept.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert kept.read_bytes().startswith(b"\xef\xbb\xbf")
    assert [row["autre motif"] for row in rows] == ["'=1+1"] * 3 + [""]
    assert rows[3]["code du refus"] == "ERR_WS_032"
    code, bilan = answer(capsys, *base, "annuler", "--lot", "rev", "--oui")
    assert (code, bilan) == (0, {"annulees": 2, "inchangees": 2})
    assert answer(capsys, *base, "annuler", "--lot", "rev", "--oui")[1] == {"annulees": 0, "inchangees": 4}
    given_up = answer(capsys, *base, "revocations", "--etat", "NON_TRAITEE")[1]
    assert [one["resultat"] for one in given_up] == ["ABANDONNEE"] * 2
    detail = answer(capsys, *base, "revocation", str(given_up[0]["numeroRevocation"]))[1]
    assert detail["ligneHistorique"][-1]["administrateur"] == "ARNAUD INES (899700990029)"
    assert answer(capsys, *base, "produits", "--csv", str(kept))[0] == 0
    assert len(kept.read_text("utf-8-sig").splitlines()) == 4
    assert answer(capsys, *base, "rechercher", "--offre", "TOUTES", "--csv", str(kept))[0] == 0
    assert kept.read_text("utf-8-sig").splitlines()[0].startswith('"numéro";"canal"')
    names = {"--raison-sociale": "centre hosp*", "--nom-demandeur": "Leroux", "--prenom-demandeur": "cam*"}
    named = [text for pair in names.items() for text in pair]
    for search, count in (("rechercher", 3), ("produits", 3), ("revocations", 3)):
        assert len(answer(capsys, *base, search, "--offre", "TOUTES", *named)[1]) == count, search
        assert answer(capsys, *base, search, "--offre", "TOUTES", "--nom-demandeur", "Arnaud")[1] == [], search

"""Revocations by the client against our own SOAP canal: one, a table, given up, said again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clients.cli.main import run
from clients.contract.revocations import CriteresRevocation, DemandeRevocation
from clients.contract.values import ConditionsRetrait, Lot
from clients.errors import Conflit, Introuvable, MessageRefuse
from clients.service.lots import ServiceLots
from storage.database import Database
from tests.integration.clients.real_service import RealService
from tests.integration.clients.test_against_the_real_service import CODE, demande
from tests.support.hierarchies import Hierarchy

pytestmark = pytest.mark.long

CONDITIONS = ConditionsRetrait(code_revocation=CODE, confirmation=CODE, acceptation_cgu=True)
# With its hour or without, in colours or without, as the tests before have left it.
_LOGGED = re.compile(r"\x1b|20\d\d-|\[(\x1b|debug|info|warning|error|critical)")
LATER = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()


@pytest.fixture
def real(database: Database, hierarchy: Hierarchy, tmp_path: Path) -> Iterator[RealService]:
    folder = tmp_path / "tls"
    folder.mkdir()
    with RealService(database, hierarchy, folder).running() as service:
        yield service


@pytest.fixture
def service(real: RealService) -> Iterator[ServiceLots]:
    with ServiceLots(real.url, certificate=real.client_files, ca=real.ca_file) as opened:
        yield opened


def produits(service: ServiceLots, number: int) -> list[int]:
    """The numeros of so many certificates in use."""
    lot = Lot(reference="parc", demande=tuple(demande(key, f"d-{key}") for key in range(number)))
    index = service.deposer_lot(lot).index_lot
    list(service.follow(index_lot=index))
    return [one.numero_demande for page in service.iter_retraits(index, CONDITIONS) for one in page.retrait]


def wish(numero: int, **changes: object) -> DemandeRevocation:
    values: dict[str, Any] = {"motif": "FIN_ACTIVITE", "email_acteur": "a@acacias.example", "confirmation": True}
    return DemandeRevocation(numero_produit=numero, **{**values, **changes})


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    """The JSON on the output, without what the service beside it says to its log."""
    lines = capsys.readouterr().out.splitlines(keepends=True)
    return json.loads("".join(line for line in lines if not _LOGGED.match(line)))


def test_every_operation(service: ServiceLots) -> None:
    first, second = produits(service, 2)
    with pytest.raises(MessageRefuse, match="ERR_WS_060"):
        service.revoquer_certificat(wish(first, confirmation=None))
    done = service.revoquer_certificat(wish(first))
    assert (done.resultat, done.numero_produit, done.raison_crl) == ("REVOQUE", first, "cessationOfOperation")
    again = service.revoquer_certificat(wish(first))
    assert (again.resultat, again.numero_revocation) == ("DEJA_REVOQUE", done.numero_revocation)
    planned = service.revoquer_certificat(wish(second, date_effet=LATER))
    assert planned.resultat == "PROGRAMMEE"
    assert planned.numero_revocation is not None
    with pytest.raises(Conflit, match="ERR_WS_067"):
        service.revoquer_certificat(wish(second, date_effet=LATER, motif="AUTRE", autre_motif="autre"))
    assert service.abandonner_revocation(planned.numero_revocation).annulees == 1
    assert service.abandonner_revocation(planned.numero_revocation).inchangees == 1
    with pytest.raises(Introuvable, match="ERR_WS_032"):
        service.revoquer_certificat(wish(10**9))
    found = list(service.iter_revocations(CriteresRevocation(), taille=1))
    assert [one.resultat for one in found] == ["ABANDONNEE", "REVOQUE"]
    history = service.consulter_revocation(found[1].numero_revocation).ligne_historique
    assert [line.code_action for line in history] == ["ACT_REV_001", "ACT_REV_001", "ACT_IGC_007"]


def test_the_command_revokes_one_and_a_table_and_can_be_run_again(
    real: RealService, service: ServiceLots, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = produits(service, 3)
    cert, key = real.client_files
    reach = ["--url", real.url, "--certificat", str(cert), "--cle", str(key), "--ca", str(real.ca_file)]
    common = ["--motif", "vol", "--email", "a@acacias.example", "--oui"]
    capsys.readouterr()
    assert run([*reach, "revoquer", "--produit", str(first), *common, "--json"]) == 0
    assert document(capsys)["resultat"] == "REVOQUE"
    table = tmp_path / "departs.csv"
    table.write_text(
        f"reference;numeroProduit;motif;dateEffet\na;{first};;\nb;{second};FIN_ACTIVITE;{LATER}\nc;{third};PERDU;\n",
        "utf-8",
    )
    checked = run([*reach, "revoquer", str(table), *common, "--verifier", "--json"])
    bilan = document(capsys)
    assert (checked, bilan["acceptables"], bilan["refusees"]) == (1, 2, 1)
    for _ in range(2):
        assert run([*reach, "revoquer", str(table), *common, "--json"]) == 1
        found = document(capsys)
        assert [one["resultat"] for one in found] == ["DEJA_REVOQUE", "PROGRAMMEE", "REFUSEE"]
    assert found[2]["erreur"]["champ"] == "motif"
    assert run([*reach, "revoquer", "--abandonner", str(found[1]["numeroRevocation"])]) == 0


def test_a_bad_table_or_command_is_told_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "departs.csv"
    for content, told in (
        ("numero;motif\n1;VOL\n", "colonnes inconnues"),
        ("numeroProduit;motif\nx;VOL\n", "pas un numéro"),
        ("numeroProduit;motif\n", "aucune révocation"),
        ('numeroProduit;motif\n"1;VOL\n', "CSV mal formé"),
    ):
        table.write_text(content, "utf-8")
        assert run(["revoquer", str(table), "--oui"]) > 1
        assert told in capsys.readouterr().err
    for arguments in ([], ["--produit", "1", str(table)]):
        assert run(["revoquer", *arguments]) > 1
        assert "FICHIER.csv" in capsys.readouterr().err

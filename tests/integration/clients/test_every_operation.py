"""Whatever the contract offers, the command line offers: one command for each operation, against our own SOAP canal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from clients.cli.main import app, run
from clients.contract.values import Lot
from clients.lots.file import write_lot
from clients.service.lots import ServiceLots
from storage.database import Database
from tests.integration.clients.real_service import RealService
from tests.integration.clients.test_against_the_real_service import CODE, demande
from tests.integration.clients.test_revocations import LATER
from tests.integration.clients.test_revocations import document as printed
from tests.support.hierarchies import Hierarchy
from ws.contract.names import Operation

WITHDRAW = ["--code-fichier", "code.txt", "--accepter-cgu"]
REVOKE = ["--motif", "fin_activite", "--email", "a@acacias.example", "--oui"]
COMMANDS = {
    "consulterService": ["etat"],
    "mesDroits": ["mes-droits"],
    "verifierLot": ["verifier", "lot.xml"],
    "deposerLot": ["deposer", "lot.xml"],
    "suivreLot": ["suivre", "lot.xml"],
    "listerDemandesLot": ["lister", "lot.xml"],
    "retirerDemande": ["retirer-demande", "{last}", "un-seul", *WITHDRAW],
    "retirerPageLot": ["retirer", "lot.xml", "certificats", *WITHDRAW],
    "rechercherDemandes": ["rechercher", "--offre", "ORG"],
    "consulterDemande": ["consulter", "{first}"],
    "listerARenouveler": ["a-renouveler"],
    "rechercherProduits": ["produits"],
    "consulterProduit": ["produit", "{first}"],
    "telechargerCertificat": ["telecharger", "{first}", "--fichier", "un.pem"],
    "verifierLotRevocations": ["revoquer", "departs.csv", *REVOKE, "--verifier"],
    "deposerLotRevocations": ["revoquer", "departs.csv", *REVOKE],
    "listerRevocationsLot": ["revocations", "departs.csv"],
    "revoquerCertificat": ["revoquer", "--fichier", "certificats/d-1.pem", "--date", LATER, *REVOKE],
    "rechercherRevocations": ["revocations", "--etat", "validee"],
    "consulterRevocation": ["revocation", "{revocation}"],
    "abandonnerRevocation": ["revoquer", "--abandonner", "{revocation}"],
    "annulerDemande": ["annuler", "--demande", "{spare}", "--oui"],
    "annulerLot": ["annuler", "--lot", "reserve", "--oui"],
}
"""A command for each operation, in the order of a lot's life; {first}... stand for numbers that the service gives."""
# Made of the operations above, or without any.
COMPOSED = {"cles", "tout", "renouveler"}


@pytest.fixture
def real(database: Database, hierarchy: Hierarchy, tmp_path: Path) -> Iterator[RealService]:
    folder = tmp_path / "tls"
    folder.mkdir()
    with RealService(database, hierarchy, folder).running() as service:
        yield service


def test_every_operation_has_its_command_and_every_command_its_operation() -> None:
    assert set(COMMANDS) == {operation.value for operation in Operation}
    assert {command.name for command in app.registered_commands} == {line[0] for line in COMMANDS.values()} | COMPOSED


@pytest.mark.parametrize("name", [str(command.name) for command in app.registered_commands])
def test_every_command_has_a_document_for_programs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations that were really called, in their order."""
    names: list[str] = []
    genuine = ServiceLots._call_once

    def noting(self: ServiceLots, kind: Any, operation: str, *more: Any) -> Any:
        names.append(operation)
        return genuine(self, kind, operation, *more)

    monkeypatch.setattr(ServiceLots, "_call_once", noting)
    return names


@pytest.mark.long
def test_each_command_calls_its_operation_and_answers_with_a_document(
    real: RealService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    called: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    cert, key = real.client_files
    Path("igc-client.toml").write_text(
        f'url = "{real.url}"\ncertificat = "{cert}"\ncle = "{key}"\nca = "{real.ca_file}"\n', encoding="utf-8"
    )
    Path("code.txt").write_text(f"{CODE}\n", encoding="utf-8")
    write_lot(Lot(reference="lot", demande=tuple(demande(rank, f"d-{rank}") for rank in range(3))), Path("lot.xml"))
    write_lot(Lot(reference="reserve", demande=(demande(3, "a"), demande(4, "b"))), Path("reserve.xml"))

    def document(*arguments: str) -> Any:
        capsys.readouterr()
        assert run([*arguments, "--json"]) == 0, arguments
        return printed(capsys)

    document("deposer", "reserve.xml")
    document("suivre", "reserve.xml")
    numbers = {"spare": str(document("lister", "reserve.xml")[0]["numeroDemande"])}
    answers: dict[str, Any] = {}
    for operation, line in COMMANDS.items():
        called.clear()
        answers[operation] = document(*(word.format(**numbers) for word in line))
        assert operation in called, line
        if operation == "listerDemandesLot":
            listed = [str(one["numeroDemande"]) for one in answers[operation]]
            numbers |= {"first": listed[0], "last": listed[2]}
            Path("departs.csv").write_text(f"numeroProduit\n{listed[0]}\n", encoding="utf-8")
        if operation == "revoquerCertificat":
            numbers["revocation"] = str(answers[operation]["numeroRevocation"])
    assert [one["resultat"] for one in answers["listerRevocationsLot"]] == ["REVOQUE"]
    assert [one["numeroProduit"] for one in answers["rechercherRevocations"]] == [int(listed[1])]
    assert answers["abandonnerRevocation"] == {"annulees": 1, "inchangees": 0}
    assert answers["annulerLot"] == {"annulees": 1, "inchangees": 1}
    alone = answers["retirerDemande"]
    assert (alone["certificat"], alone["fichier"]) == ("d-2.pem", "d-2.p7b")
    leaf = x509.load_pem_x509_certificates(Path("un-seul/d-2.pem").read_bytes())[0]
    assert f"{leaf.serial_number:x}" == alone["numeroSerie"].lower().lstrip("0")

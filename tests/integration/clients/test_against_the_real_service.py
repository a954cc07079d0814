"""The client against our own SOAP canal: every operation, every kind of refusal, and a line cut after any byte."""

from __future__ import annotations

import csv
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from clients.cli.main import run
from clients.contract.produits import CriteresProduits
from clients.contract.values import ALL_OFFRES, ConditionsRetrait, CriteresRecherche, DemandeCertificat, Lot
from clients.errors import AccesRefuse, CertificateRefusedError, Conflit, Introuvable, MessageRefuse
from clients.lots.file import write_lot
from clients.lots.workflow import withdraw_lot
from clients.service.lots import ServiceLots
from storage.database import Database
from tests.integration.clients.real_service import RealService
from tests.integration.clients.stand_in.authority import StandInAuthority
from tests.support.acteurs import HOPITAL
from tests.support.assertions import the
from tests.support.bad_items import BAD_ITEMS
from tests.support.csrs import broken_csr, csr
from tests.support.hierarchies import Hierarchy
from tests.support.pairs import write_pair

pytestmark = pytest.mark.long

CODE = "Sesame-ouvre-toi-1"
CONDITIONS = ConditionsRetrait(code_revocation=CODE, confirmation=CODE, acceptation_cgu=True)


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


def demande(key: int, reference: str, **changes: Any) -> DemandeCertificat:
    values: dict[str, Any] = {
        "reference": reference,
        "offre": "ORG",
        "usage": "SIGN",
        "structure": HOPITAL,
        "service_applicatif": "Dossier patient",
        "email_acteur": "acteur@acacias.example",
        "csr": csr(key),
    }
    return DemandeCertificat(**{**values, **changes})


@pytest.fixture
def lot() -> Lot:
    wrong = demande(2, "d-2", csr=broken_csr(2))
    items = (demande(0, "d-0"), demande(1, "d-1"), wrong, demande(3, "d-3"))
    return Lot(reference="postes-1", demande=items)


def test_every_operation_and_every_kind_of_refusal(service: ServiceLots, lot: Lot, tmp_path: Path) -> None:
    etat = service.consulter_service()
    assert (etat.plateforme, etat.version_contrat) == ("TEST", "1.0")
    bilan = service.verifier_lot(lot)
    assert [verdict.acceptable for verdict in bilan.verdict if not verdict.acceptable] == [False]
    assert bilan.refusees == 1
    accuse = service.deposer_lot(lot)
    again = service.deposer_lot(lot)
    assert (again.index_lot, again.deja_depose) == (accuse.index_lot, True)
    with pytest.raises(Conflit, match="ERR_WS_030"):
        service.deposer_lot(Lot(reference=lot.reference, demande=lot.demande[:1]))
    last = list(service.follow(reference=lot.reference))[-1]
    assert (last.a_retirer, last.rejetees, last.avancement) == (3, 1, 100)
    (refused,) = service.iter_demandes(accuse.index_lot, etat="REJETEE")
    assert the(refused.erreur).code == "ERR_IHM_007"
    assert list(service.iter_demandes(accuse.index_lot, etat="ANNULEE")) == []
    found = list(service.iter_search(CriteresRecherche(index_lot=accuse.index_lot), taille=2))
    assert sorted(the(one.position) for one in found) == [1, 2, 3, 4]

    report = withdraw_lot(service, accuse.index_lot, tmp_path / "certificats", CONDITIONS, lot=lot, taille=2)
    assert (report.withdrawn, report.refused, report.pending) == (3, 1, 0)
    other = ConditionsRetrait(code_revocation=CODE + "2", confirmation=CODE + "2", acceptation_cgu=True)
    with pytest.raises(Conflit, match="ERR_IHM_013"):
        service.retirer_page_lot(accuse.index_lot, other)
    numero = report.lines[0].numero_demande
    assert service.retirer_demande(numero, CONDITIONS).numero_serie == report.lines[0].numero_serie
    assert service.consulter_demande(numero).ligne_historique
    assert service.annuler_lot(accuse.index_lot).annulees == 0
    with pytest.raises(Conflit, match="ERR_WS_035"):
        service.annuler_demande(numero)
    with pytest.raises(Introuvable, match="ERR_WS_031"):
        service.suivre_lot(index_lot=accuse.index_lot + 1)
    with pytest.raises(Introuvable, match="ERR_WS_032"):
        service.consulter_demande(99_999)
    with pytest.raises(MessageRefuse, match="ERR_IHM_025"):
        service.rechercher_demandes(CriteresRecherche())
    weak = ConditionsRetrait(code_revocation="court", confirmation="court", acceptation_cgu=True)
    with pytest.raises(MessageRefuse, match="ERR_IHM_011"):
        service.retirer_demande(numero, weak)


def test_produits_are_listed_shown_and_downloaded(
    real: RealService, service: ServiceLots, lot: Lot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = service.deposer_lot(lot).index_lot
    list(service.follow(index_lot=index))
    assert list(service.iter_produits(CriteresProduits(index_lot=index))) == []
    waiting = list(service.iter_produits(CriteresProduits(index_lot=index, etat_produit="A_RETIRER"), taille=2))
    assert [one.position for one in waiting] == [4, 2, 1]
    with pytest.raises(Conflit, match="ERR_WS_049"):
        service.telecharger_certificat(waiting[0].numero_produit)
    withdraw_lot(service, index, tmp_path / "certificats", CONDITIONS, lot=lot)
    cert, key = real.client_files
    reach = ["--url", real.url, "--certificat", str(cert), "--cle", str(key), "--ca", str(real.ca_file)]
    capsys.readouterr()
    assert run([*reach, "produits", "--etat", "actif", "--raison-sociale", "centre hosp*"]) == 0
    # The service runs in this process and says its lines here too.
    lines = [line for line in capsys.readouterr().out.splitlines() if ";" in line]
    *_, shown = csv.DictReader(lines, delimiter=";")
    numero = shown["numéro"]
    assert shown["fin de validité"].endswith("UTC")
    assert run([*reach, "produit", numero]) == 0
    told = capsys.readouterr().out
    assert "sujet CN" in told
    assert "ACT_DCL_001" in told
    forms = {"c.cer": x509.load_der_x509_certificate, "c.pem": x509.load_pem_x509_certificate}
    read = []
    for name, load in forms.items():
        assert run([*reach, "telecharger", numero, "--fichier", str(tmp_path / name)]) == 0
        read.append(load((tmp_path / name).read_bytes()))
    assert run([*reach, "telecharger", numero, "--fichier", str(tmp_path / "c.p7b")]) == 0
    assert read[0] == read[1]
    assert read[0].public_bytes(Encoding.DER) in (tmp_path / "c.p7b").read_bytes()
    assert run([*reach, "telecharger", numero, "--fichier", str(tmp_path / "c.p12")]) == 2
    assert not (tmp_path / "c.p12").exists()


def test_a_follower_is_woken_by_the_change_it_waits_for(real: RealService, service: ServiceLots, lot: Lot) -> None:
    real.stopping.set()
    index = service.deposer_lot(lot).index_lot
    first = service.suivre_lot(index_lot=index)
    real.stopping.clear()
    batch = threading.Thread(target=real.run_batch)
    batch.start()
    try:
        assert service.suivre_lot(index_lot=index, version_connue=first.version, attente=20).version != first.version
    finally:
        real.stopping.set()
        batch.join()


def test_refused_items_of_another_tool_are_listed_with_what_they_have(
    real: RealService, service: ServiceLots, tmp_path: Path
) -> None:
    """Our own client would not send them; who follows the lot reads them all the same."""
    bad = [real.world.form(each.product, 80, **each.changes) for each in BAD_ITEMS.values()][:30]
    index = real.world.deposit(*bad, real.world.form(key=1)).index
    list(service.follow(index_lot=index))
    listed = list(service.iter_demandes(index))
    assert [the(one.erreur).code for one in listed[:-1]] == [each.code.value for each in BAD_ITEMS.values()][:30]
    assert (listed[0].offre, listed[0].usage, listed[3].usage) == (None, "SIGN", None)
    report = withdraw_lot(service, index, tmp_path / "certificats", CONDITIONS)
    assert (report.withdrawn, report.refused) == (1, 30)


def test_who_is_unknown_or_without_rights_is_told_so(real: RealService, lot: Lot, tmp_path: Path) -> None:
    nobody = write_pair(tmp_path, "inconnu", real.world.enroll_client("inconnu"))
    with (
        ServiceLots(real.url, certificate=nobody, ca=real.ca_file) as service,
        pytest.raises(AccesRefuse, match="ERR_WS_025"),
    ):
        service.deposer_lot(lot)
    stranger = StandInAuthority(tmp_path).client_files
    with (
        ServiceLots(real.url, certificate=stranger, ca=real.ca_file) as service,
        pytest.raises(CertificateRefusedError),
    ):
        service.consulter_service()


def test_who_lost_the_right_still_reads_how_his_lot_ended(
    real: RealService, service: ServiceLots, lot: Lot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = service.deposer_lot(lot).index_lot
    list(service.follow(index_lot=index))
    folder = tmp_path / "certificats"
    before = withdraw_lot(service, index, folder, CONDITIONS, lot=lot)
    assert len(list(service.iter_search(CriteresRecherche(offre=ALL_OFFRES), taille=2))) == 4
    real.world.withdraw_rights("dr-leroux")
    listed = list(service.iter_demandes(index))
    assert [one.without_detail for one in listed] == [True] * 4
    assert [the(one.erreur).code for one in listed if one.erreur] == ["ERR_IHM_007"]
    assert list(service.iter_search(CriteresRecherche(offre=ALL_OFFRES))) == []
    # What was withdrawn stays named in the manifest, as it stays in the folder.
    again = withdraw_lot(service, index, folder, CONDITIONS, lot=lot)
    assert [(line.numero_serie, line.fichier) for line in again.lines] == [
        (line.numero_serie, line.fichier) for line in before.lines
    ]

    cert, key = real.client_files
    reach = ["--url", real.url, "--certificat", str(cert), "--cle", str(key), "--ca", str(real.ca_file)]
    capsys.readouterr()
    assert run([*reach, "lister", str(index)]) == 0
    shown = capsys.readouterr()
    assert [line.split(";")[-1] for line in shown.out.splitlines()[-4:]] == ["", "", "ERR_IHM_007", ""]
    assert "4 demande(s) sans détail : vous n'avez pas, ou plus, l'habilitation" in shown.err
    assert run([*reach, "suivre", str(index)]) == 1
    assert run([*reach, "produits"]) == 0
    assert "0 certificat(s)." in capsys.readouterr().err
    assert run([*reach, "rechercher", "--offre", "toutes"]) == 0
    assert "0 demande(s)." in capsys.readouterr().err
    assert run([*reach, "consulter", str(listed[0].numero_demande)]) == 3
    assert "ERR_IHM_026" in capsys.readouterr().err


def test_the_published_contract_serves_the_client(real: RealService) -> None:
    with ServiceLots(real.url, certificate=real.client_files, ca=real.ca_file, contract="service") as service:
        assert service.consulter_service().plateforme == "TEST"


# What is proved here is the client's doing, the same on every database.
@pytest.mark.needs("openssl")
@pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
def test_whatever_byte_the_line_is_cut_at_the_same_command_ends_well(
    real: RealService, lot: Lot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lot(lot, tmp_path / "lot.xml")
    (tmp_path / "code.txt").write_text(CODE, encoding="utf-8")
    cert, key = real.client_files
    command = ["--url", f"https://127.0.0.1:{real.line.port}/ws/lots/1.0", "--certificat", str(cert), "--cle", str(key)]
    command += ["--ca", str(real.ca_file), "--essais", "1", "tout", "lot.xml", "certificats"]
    command += ["--code-fichier", "code.txt", "--accepter-cgu"]
    outcomes: list[int] = []
    budget = 500
    while not outcomes or outcomes[-1] != 1:
        real.line.open(budget)
        outcomes.append(run(command))
        assert outcomes[-1] in (1, 4), "cut short, or done with one demande refused"
        budget += 1_700
    assert len(outcomes) > 10, "the line was cut at many places"
    with (tmp_path / "certificats" / "manifeste.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    assert [(row["etat"], row["codeErreur"]) for row in rows] == [
        ("CLOSE", ""),
        ("CLOSE", ""),
        ("REJETEE", "ERR_IHM_007"),
        ("CLOSE", ""),
    ]
    assert real.world.demandes(2) == [], "one lot, however often it was sent"
    for row in (rows[0], rows[1], rows[3]):
        pem = tmp_path / "certificats" / row["certificat"]
        checked = ["openssl", "verify", "-CAfile", str(real.ca_file), "-untrusted", str(pem), str(pem)]
        subprocess.run(checked, check=True, capture_output=True)

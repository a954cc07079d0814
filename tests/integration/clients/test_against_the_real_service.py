"""The client against our own SOAP canal: every operation, every kind of refusal, and a line cut after any byte."""

from __future__ import annotations

import csv
import subprocess
import threading

import pytest

from clients.commands import run
from clients.errors import AccesRefuse, CertificateRefusedError, Conflit, Introuvable, MessageRefuse
from clients.lot_file import write_lot
from clients.service import ServiceLots
from clients.values import ConditionsRetrait, CriteresRecherche, DemandeCertificat, Lot
from clients.workflow import withdraw_lot
from tests.integration.clients.lots_stand_in import TestAuthority
from tests.integration.clients.real_service import RealService
from tests.support.csrs import broken_csr, csr
from tests.support.hierarchies import make_hierarchy
from tests.support.world import HOPITAL

CODE = "Sesame-ouvre-toi-1"
CONDITIONS = ConditionsRetrait(code_revocation=CODE, confirmation=CODE, acceptation_cgu=True)


@pytest.fixture(scope="module")
def hierarchy(tmp_path_factory):
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy"), "TEST")


@pytest.fixture
def real(database, hierarchy, tmp_path):
    folder = tmp_path / "tls"
    folder.mkdir()
    with RealService(database, hierarchy, folder).running() as service:
        yield service


@pytest.fixture
def service(real):
    with ServiceLots(real.url, certificate=real.client_files, ca=real.ca_file) as opened:
        yield opened


def demande(key, reference, **changes):
    values = {
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
def lot():
    wrong = demande(2, "d-2", csr=broken_csr(2))
    items = (demande(0, "d-0"), demande(1, "d-1"), wrong, demande(3, "d-3"))
    return Lot(reference="postes-1", demande=items)


def test_every_operation_and_every_kind_of_refusal(service, lot, tmp_path):
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
    assert refused.erreur.code == "ERR_IHM_007"
    found = list(service.iter_search(CriteresRecherche(index_lot=accuse.index_lot), taille=2))
    assert sorted(one.position for one in found) == [1, 2, 3, 4]

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


def test_a_follower_is_woken_by_the_change_it_waits_for(real, service, lot):
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


def test_who_is_unknown_or_without_rights_is_told_so(real, lot, tmp_path):
    nobody = real.write_pair("inconnu", real.world.enroll_client("inconnu"))
    with (
        ServiceLots(real.url, certificate=nobody, ca=real.ca_file) as service,
        pytest.raises(AccesRefuse, match="ERR_WS_025"),
    ):
        service.deposer_lot(lot)
    stranger = TestAuthority(tmp_path).client_files
    with (
        ServiceLots(real.url, certificate=stranger, ca=real.ca_file) as service,
        pytest.raises(CertificateRefusedError),
    ):
        service.consulter_service()


def test_the_published_contract_serves_the_client(real):
    with ServiceLots(real.url, certificate=real.client_files, ca=real.ca_file, contract="service") as service:
        assert service.consulter_service().plateforme == "TEST"


# What is proved here is the client's doing, the same on every database.
@pytest.mark.parametrize("service_set", ["embedded"], indirect=True)
def test_whatever_byte_the_line_is_cut_at_the_same_command_ends_well(real, lot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lot(lot, tmp_path / "lot.xml")
    (tmp_path / "code.txt").write_text(CODE, encoding="utf-8")
    cert, key = real.client_files
    command = ["--url", f"https://127.0.0.1:{real.line.port}/ws/lots/1.0", "--certificat", str(cert), "--cle", str(key)]
    command += ["--ca", str(real.ca_file), "--essais", "1", "tout", "lot.xml", "certificats"]
    command += ["--code-fichier", "code.txt", "--accepter-cgu"]
    outcomes = []
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

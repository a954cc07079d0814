"""ServiceLots against a service that honours the contract, over real mutual TLS, with the line cut on purpose."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clients.contract.schema_check import InvalidMessageError
from clients.contract.values import ConditionsRetrait, CriteresRecherche, Lot
from clients.errors import (
    AccesRefuse,
    CertificateRefusedError,
    Conflit,
    ConnectionLostError,
    ErreurTechnique,
    Introuvable,
    MessageRefuse,
    ServerNotTrustedError,
    SettingsError,
    UnexpectedAnswerError,
)
from clients.service.lots import RetryNotice, RetryPolicy, ServiceLots
from tests.integration.clients.stand_in.authority import StandInAuthority
from tests.integration.clients.stand_in.demandes import WEAK_CODE
from tests.integration.clients.stand_in.service import STRANGE, StandIn
from tests.support.assertions import the

pytestmark = pytest.mark.long

CODE = "Mot-De-Passe-Long"
CONDITIONS = ConditionsRetrait(code_revocation=CODE, confirmation=CODE, acceptation_cgu=True)


def test_every_operation_of_the_contract_from_deposit_to_search(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot]
) -> None:
    service = connect()
    assert service.consulter_service().plateforme == "TEST"
    bilan = service.verifier_lot(make_lot())
    assert (bilan.nombre, bilan.acceptables, bilan.refusees) == (3, 2, 1)
    assert [(verdict.acceptable, len(verdict.erreur)) for verdict in bilan.verdict] == [
        (True, 0),
        (False, 1),
        (True, 0),
    ]

    accuse = service.deposer_lot(make_lot())
    assert accuse.nombre == 3
    assert not accuse.deja_depose
    assert accuse.depose_le.tzinfo is not None
    states = list(service.follow(reference="lot-1", pause=0))
    assert states[0].enregistrees == 3
    assert states[-1].finished
    assert (states[-1].a_retirer, states[-1].refused) == (2, 1)

    demandes = list(service.iter_demandes(accuse.index_lot, taille=2))
    assert [demande.position for demande in demandes] == [1, 2, 3]
    assert the(demandes[1].erreur).code == "ERR_WS_037"
    assert [one.reference for one in service.iter_demandes(accuse.index_lot, etat="REJETEE")] == ["d-1"]
    assert service.consulter_demande(demandes[0].numero_demande).ligne_historique[0].code_action == "ACT_DCL_001"
    assert service.consulter_demande(demandes[0].numero_demande).attribut_sujet[0].nom == "CN"
    found = list(service.iter_search(CriteresRecherche(offre="ORG"), taille=2))
    assert [one.numero_demande for one in found] == [one.numero_demande for one in demandes]

    retrait = service.retirer_demande(demandes[0].numero_demande, CONDITIONS)
    assert service.retirer_demande(demandes[0].numero_demande, CONDITIONS).pkcs7 == retrait.pkcs7
    pages = list(service.iter_retraits(accuse.index_lot, CONDITIONS, taille=1))
    assert [len(page.retrait) for page in pages] == [1, 0, 1]
    assert service.annuler_lot(accuse.index_lot).annulees == 0
    with pytest.raises(Conflit, match="ERR_WS_035"):
        service.annuler_demande(demandes[0].numero_demande)


def test_the_same_certificate_and_one_connection_serve_all_calls(
    connect: Callable[..., ServiceLots], stand_in: StandIn
) -> None:
    service = connect()
    for _ in range(5):
        service.consulter_service()
    assert stand_in.connections == 1
    assert len(stand_in.clients) == 1


def test_closing_ends_the_connection_even_while_an_error_is_remembered(
    connect: Callable[..., ServiceLots], stand_in: StandIn
) -> None:
    service = connect()
    with pytest.raises(Introuvable) as remembered:
        service.suivre_lot(index_lot=99)
    service.close()
    end = time.monotonic() + 10
    while stand_in.open_connections and time.monotonic() < end:
        time.sleep(0.01)
    assert stand_in.open_connections == set()
    assert remembered.value.code == "ERR_WS_031"


def test_the_contract_can_be_read_from_the_service_and_the_address_stays_ours(
    connect: Callable[..., ServiceLots], stand_in: StandIn
) -> None:
    assert connect(contract="service").consulter_service().plateforme == "TEST"
    # The published file names another port; the call above would have failed had its address been used.
    assert stand_in.paths[0] == "/ws/lots/1.0?wsdl"


@pytest.mark.parametrize("cut", ["before", "after", "truncated", "status:503", "fault"])
def test_a_deposit_survives_any_cut_and_gives_one_lot(
    connect: Callable[..., ServiceLots], stand_in: StandIn, make_lot: Callable[..., Lot], cut: str
) -> None:
    stand_in.plan_next("deposerLot", cut, times=2)
    notices: list[RetryNotice] = []
    accuse = connect(on_retry=notices.append).deposer_lot(make_lot())
    assert accuse.index_lot == 1
    assert len(stand_in.lots) == 1
    assert stand_in.calls["deposerLot"] == 3
    assert [notice.failures for notice in notices] == [1, 2]
    assert accuse.deja_depose is (cut in ("after", "truncated", "status:503"))


def test_retries_end_at_the_limit_with_the_last_error(connect: Callable[..., ServiceLots], stand_in: StandIn) -> None:
    stand_in.plan_next("consulterService", "fault", times=10)
    with pytest.raises(ErreurTechnique) as caught:
        connect().consulter_service()
    assert (caught.value.code, caught.value.incident) == ("ERR_WS_050", "inc-42")
    assert "incident inc-42" in str(caught.value)
    assert stand_in.calls["consulterService"] == 4


def test_a_service_that_is_not_there_is_a_lost_connection(connect: Callable[..., ServiceLots]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionLostError):
        connect(url=f"https://127.0.0.1:{port}/ws/lots/1.0").consulter_service()


def test_a_service_that_never_answers_is_left_after_the_timeout(
    connect: Callable[..., ServiceLots], authority: StandInAuthority
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/ws/lots/1.0"
        with pytest.raises(ConnectionLostError):
            connect(url=url, timeout=0.2).consulter_service()


def test_waiting_for_a_change_is_added_to_the_timeout(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], stand_in: StandIn
) -> None:
    connect().deposer_lot(make_lot())
    service = connect(timeout=0.1, retry=RetryPolicy(attempts=1))
    stand_in.plan_next("suivreLot", "slow", times=2)
    assert service.suivre_lot(reference="lot-1", version_connue="1", attente=30).nombre == 3
    with pytest.raises(ConnectionLostError):
        service.suivre_lot(reference="lot-1")


def test_following_asks_the_service_to_wait(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], stand_in: StandIn
) -> None:
    stand_in.memory.step = 1
    service = connect()
    service.deposer_lot(make_lot())
    list(service.follow(reference="lot-1", attente=99, pause=0))
    asked = [re.findall(rb"attente>(\d+)<", text) for text in stand_in.texts if b"suivreLot" in text]
    assert asked == [[], *([[b"30"]] * (len(asked) - 1))]
    assert len(asked) > 2


def test_faults_are_typed_with_their_place(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], csrs: list[bytes], stand_in: StandIn
) -> None:
    service = connect()
    service.deposer_lot(make_lot())
    with pytest.raises(Conflit, match="ERR_WS_030"):
        service.deposer_lot(make_lot(names=("autre",)))
    with pytest.raises(Introuvable, match="ERR_WS_031"):
        service.suivre_lot(index_lot=99)
    with pytest.raises(MessageRefuse) as caught:
        service.rechercher_demandes(CriteresRecherche())
    assert caught.value.code == "ERR_IHM_025"
    weak = ConditionsRetrait(code_revocation=WEAK_CODE, confirmation=WEAK_CODE, acceptation_cgu=True)
    with pytest.raises(MessageRefuse) as caught:
        service.retirer_page_lot(1, weak)
    assert (caught.value.code, caught.value.champ) == ("ERR_IHM_011", "codeRevocation")
    stand_in.plan_next("consulterService", "denied")
    calls = stand_in.calls["consulterService"]
    with pytest.raises(AccesRefuse):
        service.consulter_service()
    assert stand_in.calls["consulterService"] == calls + 1, "a refusal is not repeated"


def test_a_proxy_is_used_only_when_asked_for(
    connect: Callable[..., ServiceLots], stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect_proxy() as (address, asked):
        monkeypatch.setenv("https_proxy", address)
        assert connect().consulter_service().plateforme == "TEST"
        assert asked == []
        assert connect(proxy=address).consulter_service().plateforme == "TEST"
        assert asked == [stand_in.url.split("/")[2]]
    assert len(stand_in.clients) == 1, "the client certificate went through the tunnel"


def test_what_breaks_the_contract_is_never_sent(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], stand_in: StandIn
) -> None:
    service = connect()
    with pytest.raises(InvalidMessageError) as caught:
        service.deposer_lot(make_lot(names=("ok", "x" * 65, "ok")))
    assert [(one.position, one.champ) for one in caught.value.problems] == [(2, "serviceApplicatif")]
    assert "64" in str(caught.value)
    with pytest.raises(InvalidMessageError):
        service.suivre_lot(index_lot=0)
    assert stand_in.texts == []


def test_html_instead_of_soap_is_said_so_and_not_repeated(
    connect: Callable[..., ServiceLots], stand_in: StandIn
) -> None:
    stand_in.plan_next("consulterService", "status:404")
    with pytest.raises(UnexpectedAnswerError, match="HTTP 404"):
        connect().consulter_service()
    assert stand_in.calls["consulterService"] == 1


@pytest.mark.parametrize("answer", sorted(STRANGE))
def test_answers_outside_the_contract_are_refused_in_french_and_not_repeated(
    connect: Callable[..., ServiceLots], stand_in: StandIn, answer: str
) -> None:
    stand_in.plan_next("consulterService", answer)
    with pytest.raises(UnexpectedAnswerError, match=r"service|SOAP"):
        connect().consulter_service()
    assert stand_in.calls["consulterService"] == 1


def test_an_empty_page_is_no_demande_and_no_page_is_no_answer(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], stand_in: StandIn
) -> None:
    service = connect()
    index = service.deposer_lot(make_lot()).index_lot
    assert list(service.iter_demandes(index, etat="ANNULEE")) == []
    assert list(service.iter_search(CriteresRecherche(offre="PS"))) == []
    stand_in.plan_next("rechercherDemandes", "no page")
    with pytest.raises(UnexpectedAnswerError):
        service.rechercher_demandes(CriteresRecherche(offre="PS"))


def test_redirections_are_not_followed(connect: Callable[..., ServiceLots], stand_in: StandIn) -> None:
    stand_in.plan_next("consulterService", "status:302")
    with pytest.raises(UnexpectedAnswerError):
        connect().consulter_service()
    assert stand_in.paths == []


def test_a_server_of_another_authority_is_not_trusted_even_if_the_environment_says_so(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = StandInAuthority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(authority.ca_file))
    with pytest.raises(ServerNotTrustedError):
        connect(ca=other.ca_file).consulter_service()


@pytest.mark.parametrize("kind", ["unknown", "expired"])
def test_a_client_certificate_the_server_refuses_is_named_at_once(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path, kind: str, stand_in: StandIn
) -> None:
    files = (
        StandInAuthority(tmp_path).client_files
        if kind == "unknown"
        else authority.leaf_files("vieux", life=timedelta(days=-1))
    )
    notices: list[RetryNotice] = []
    with pytest.raises(CertificateRefusedError):
        connect(certificate=files, on_retry=notices.append).consulter_service()
    assert notices == []


def test_an_encrypted_key_needs_its_password_and_never_asks_for_it(
    connect: Callable[..., ServiceLots], authority: StandInAuthority
) -> None:
    files = authority.leaf_files("protege", passphrase=b"secret de cle")
    assert connect(certificate=files, key_password="secret de cle").consulter_service().plateforme == "TEST"
    with pytest.raises(SettingsError, match="protégée"):
        connect(certificate=files)
    with pytest.raises(SettingsError):
        connect(certificate=files, key_password="autre")


def test_bad_settings_are_refused_before_any_call(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="https"):
        connect(url="http://127.0.0.1/ws/lots/1.0")
    with pytest.raises(SettingsError, match="introuvable"):
        connect(ca=tmp_path / "absent.pem")
    (tmp_path / "vide.pem").write_bytes(b"")
    with pytest.raises(SettingsError, match="AC"):
        connect(ca=tmp_path / "vide.pem")
    with pytest.raises(SettingsError):
        connect(certificate=(authority.client_files[0], authority.server_files[1]))


def test_the_revocation_code_is_in_no_log_and_no_repr(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service = connect()
    accuse = service.deposer_lot(make_lot())
    list(service.follow(index_lot=accuse.index_lot, pause=0))
    service.retirer_page_lot(accuse.index_lot, CONDITIONS)
    assert caplog.records
    assert CODE not in caplog.text
    assert CODE not in repr(CONDITIONS)


def test_criteria_carry_their_zone(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], stand_in: StandIn
) -> None:
    service = connect()
    service.deposer_lot(make_lot())
    since = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
    service.rechercher_demandes(CriteresRecherche(offre="ORG", depuis=since))
    assert b"2026-11-23T08:00:00Z" in stand_in.texts[-1]


@contextlib.contextmanager
def connect_proxy() -> Iterator[tuple[str, list[Any]]]:
    """An HTTP proxy that only tunnels (CONNECT), as hospitals have; gives its address and where it was asked to go."""
    asked = []

    class Tunnel(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            host, _, port = self.path.partition(":")
            self.send_response(200)
            self.end_headers()
            with socket.create_connection((host, int(port))) as server:
                ends = {self.connection: server, server: self.connection}
                while True:
                    for end in select.select(list(ends), [], [], 10)[0]:
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)

        def log_message(self, *arguments: str) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Tunnel) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()

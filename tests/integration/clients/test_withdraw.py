"""The folder of a withdrawal: what it holds, how it goes on after a cut, and what it refuses to believe."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from clients.contract.values import Chaine, ConditionsRetrait, Lot, Retrait, SuiviLot
from clients.errors import Conflit, ConnectionLostError, StateError, UnexpectedAnswerError
from clients.keys.many import KeyTarget, make_key
from clients.lots.chain import chain_of
from clients.lots.manifest import RetraitFolder, find_keys
from clients.lots.workflow import deposit_file, follow_to_end, withdraw_lot
from clients.service.lots import RetryPolicy, ServiceLots
from tests.integration.clients.stand_in.authority import StandInAuthority
from tests.integration.clients.stand_in.service import StandIn

pytestmark = pytest.mark.long

CONDITIONS = ConditionsRetrait(
    code_revocation="Mot-De-Passe-Long", confirmation="Mot-De-Passe-Long", acceptation_cgu=True
)
ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def processed(connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot]) -> tuple[int, Lot]:
    """A service with one finished lot of three certificates and one refusal; gives (index, lot)."""
    service = connect()
    lot = make_lot(names=("accueil", "REFUS", "biologie", "cardiologie"))
    index = service.deposer_lot(lot).index_lot
    list(service.follow(index_lot=index, pause=0))
    return index, lot


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifeste.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


def test_the_folder_pairs_reference_serial_files_and_refusals(
    connect: Callable[..., ServiceLots], processed: tuple[int, Lot], tmp_path: Path, authority: StandInAuthority
) -> None:
    index, lot = processed
    told: list[tuple[int, ...]] = []
    report = withdraw_lot(
        connect(), index, tmp_path, CONDITIONS, lot=lot, taille=2, progress=lambda *counts: told.append(counts)
    )
    assert (report.withdrawn, report.refused, report.pending, report.complete) == (3, 1, 0, False)
    assert told == [(0, 3), (1, 3), (3, 3)]
    rows = rows_of(tmp_path)
    assert [row["reference"] for row in rows] == ["d-0", "d-1", "d-2", "d-3"]
    assert [row["etat"] for row in rows] == ["CLOSE", "REJETEE", "CLOSE", "CLOSE"]
    assert rows[1]["codeErreur"] == "ERR_WS_037"
    assert rows[1]["fichier"] == ""
    for row in (rows[0], rows[2], rows[3]):
        leaf, issuer, root = x509.load_pem_x509_certificates((tmp_path / row["certificat"]).read_bytes())
        assert (issuer, root) == (authority.certificate, authority.root)
        leaf.verify_directly_issued_by(issuer)
        assert f"{leaf.serial_number:X}" == row["numeroSerie"]
        assert leaf in pkcs7.load_der_pkcs7_certificates((tmp_path / row["fichier"]).read_bytes())
        sent = x509.load_der_x509_csr(lot.demande[int(row["position"]) - 1].csr)
        assert leaf.public_key() == sent.public_key()
    assert [line["numeroDemande"] for line in json.loads((tmp_path / "manifeste.json").read_text())["demandes"]] == [
        int(row["numeroDemande"]) for row in rows
    ]


def test_each_certificate_is_paired_with_its_key(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], tmp_path: Path
) -> None:
    target = KeyTarget(folder=tmp_path / "cles", stem="mienne", common_name="x")
    lot = make_lot(names=("accueil", "biologie"))
    mine = msgspec.structs.replace(lot.demande[1], csr=make_key(target))
    service = connect()
    index = service.deposer_lot(msgspec.structs.replace(lot, demande=(lot.demande[0], mine))).index_lot
    list(service.follow(index_lot=index, pause=0))
    withdraw_lot(service, index, tmp_path / "certificats", CONDITIONS, keys=find_keys(tmp_path / "cles"))
    assert [row["cle"] for row in rows_of(tmp_path / "certificats")] == ["", "../cles/mienne.key"]


def test_two_references_that_make_one_file_name_keep_two_files(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], tmp_path: Path
) -> None:
    lot = make_lot(names=("accueil", "biologie"))
    names = ("a/b", "a:b")
    items = tuple(msgspec.structs.replace(one, reference=name) for one, name in zip(lot.demande, names, strict=True))
    service = connect()
    index = service.deposer_lot(msgspec.structs.replace(lot, demande=items)).index_lot
    list(service.follow(index_lot=index, pause=0))
    withdraw_lot(service, index, tmp_path, CONDITIONS)
    assert [row["fichier"] for row in rows_of(tmp_path)] == ["a_b.p7b", "a_b-2.p7b"]


@pytest.mark.parametrize("cut", ["before", "after", "truncated"])
@pytest.mark.parametrize("page", [0, 1, 2, 3])
def test_a_withdrawal_cut_at_any_page_goes_on_there(
    connect: Callable[..., ServiceLots],
    processed: tuple[int, Lot],
    tmp_path: Path,
    stand_in: StandIn,
    cut: str,
    page: int,
) -> None:
    index, lot = processed
    stand_in.plan_next("retirerPageLot", "skip", times=page)
    stand_in.plan_next("retirerPageLot", cut)
    with pytest.raises(ConnectionLostError):
        withdraw_lot(connect(retry=ONCE), index, tmp_path, CONDITIONS, lot=lot, taille=1)
    assert RetraitFolder(tmp_path, index).lines, "the manifest is there from the first moment"
    calls = stand_in.calls["retirerPageLot"]
    report = withdraw_lot(connect(retry=ONCE), index, tmp_path, CONDITIONS, lot=lot, taille=1)
    assert report.withdrawn == 3
    assert stand_in.calls["retirerPageLot"] - calls == 4 - page, "pages that are here are not asked again"


def test_a_complete_folder_asks_for_nothing_more(
    connect: Callable[..., ServiceLots], processed: tuple[int, Lot], tmp_path: Path, stand_in: StandIn
) -> None:
    index, _ = processed
    withdraw_lot(connect(), index, tmp_path, CONDITIONS)
    calls = stand_in.calls["retirerPageLot"]
    assert withdraw_lot(connect(), index, tmp_path, CONDITIONS).withdrawn == 3
    assert stand_in.calls["retirerPageLot"] == calls


@pytest.mark.parametrize("damage", ["gone", "empty"])
def test_a_file_that_a_power_failure_took_is_fetched_again(
    connect: Callable[..., ServiceLots], processed: tuple[int, Lot], tmp_path: Path, damage: str
) -> None:
    index, _ = processed
    withdraw_lot(connect(), index, tmp_path, CONDITIONS, taille=1)
    content = (tmp_path / "d-0.pem").read_bytes()
    (tmp_path / "d-0.pem").unlink()
    if damage == "empty":
        (tmp_path / "d-0.pem").write_bytes(b"")
    assert withdraw_lot(connect(), index, tmp_path, CONDITIONS, taille=1).withdrawn == 3
    assert (tmp_path / "d-0.pem").read_bytes() == content


def test_what_is_signed_later_is_withdrawn_by_a_later_run(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], tmp_path: Path, stand_in: StandIn
) -> None:
    stand_in.memory.step = 2
    service = connect()
    index = service.deposer_lot(make_lot(names=("a", "b", "c", "d"))).index_lot
    service.suivre_lot(index_lot=index)
    report = withdraw_lot(service, index, tmp_path, CONDITIONS, taille=1)
    assert (report.withdrawn, report.pending, report.complete) == (2, 2, False)
    service.suivre_lot(index_lot=index)
    report = withdraw_lot(service, index, tmp_path, CONDITIONS, taille=1)
    assert (report.withdrawn, report.pending, report.complete) == (4, 0, True)


def test_what_is_signed_behind_the_page_of_a_cut_is_found_by_the_second_pass(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], tmp_path: Path, stand_in: StandIn
) -> None:
    service = connect(retry=ONCE)
    index = service.deposer_lot(make_lot(names=("a", "b", "c"))).index_lot
    demandes = stand_in.lots[index].demandes
    demandes[2].process(stand_in.authority)
    stand_in.plan_next("retirerPageLot", "skip", times=2)
    stand_in.plan_next("retirerPageLot", "before")
    with pytest.raises(ConnectionLostError):
        withdraw_lot(service, index, tmp_path, CONDITIONS, taille=1)
    stand_in.memory.advance(stand_in.lots[index])
    assert withdraw_lot(service, index, tmp_path, CONDITIONS, taille=1).complete


def test_a_folder_serves_one_lot(
    connect: Callable[..., ServiceLots], processed: tuple[int, Lot], tmp_path: Path
) -> None:
    index, _ = processed
    withdraw_lot(connect(), index, tmp_path, CONDITIONS)
    with pytest.raises(StateError, match=f"lot {index}"):
        RetraitFolder(tmp_path, index + 1)
    (tmp_path / "manifeste.json").write_text("{", encoding="utf-8")
    with pytest.raises(StateError, match="illisible"):
        RetraitFolder(tmp_path, index)


def test_a_certificate_for_another_key_is_not_accepted(
    connect: Callable[..., ServiceLots], processed: tuple[int, Lot], tmp_path: Path, csrs: list[bytes]
) -> None:
    index, lot = processed
    swapped = msgspec.structs.replace(lot.demande[0], csr=csrs[1])
    other = msgspec.structs.replace(lot, demande=(swapped, *lot.demande[1:]))
    with pytest.raises(UnexpectedAnswerError, match="clé publique"):
        withdraw_lot(connect(), index, tmp_path, CONDITIONS, lot=other)


def test_a_chain_is_the_one_whose_authority_signed_the_certificate(
    authority: StandInAuthority, csrs: list[bytes]
) -> None:
    certificate = authority.sign(x509.load_der_x509_csr(csrs[0]).public_key(), "essai")
    serial = f"{certificate.serial_number:x}"
    der = certificate.public_bytes(Encoding.DER)
    above = [one.public_bytes(Encoding.DER) for one in (authority.certificate, authority.root)]
    good = Chaine(autorite="AC", certificat=tuple(above))
    other = Chaine(autorite="AC", certificat=(above[1],))
    retrait = Retrait(
        numero_demande=1,
        numero_serie=serial,
        fin_validite=certificate.not_valid_after_utc,
        retire_le=certificate.not_valid_before_utc,
        autorite="AC",
        certificat=der,
        pkcs7=authority.chain(certificate),
    )
    pairs = ":".join(serial.rjust(40, "0")[at : at + 2] for at in range(0, 40, 2))
    for written in (serial, serial.upper(), f"00{serial}", pairs):
        found = chain_of(msgspec.structs.replace(retrait, numero_serie=written), [other, good])
        assert found == [certificate, authority.certificate, authority.root]
    for changed in (
        {"numero_serie": "1"},
        {"numero_serie": "pas un nombre"},
        {"certificat": b"rien"},
        {"certificat": above[0]},
        {"pkcs7": b"rien"},
    ):
        with pytest.raises(UnexpectedAnswerError):
            chain_of(msgspec.structs.replace(retrait, **changed), [good])
    for chains in ([], [other], [Chaine(autorite="AC", certificat=(b"rien",))]):
        with pytest.raises(UnexpectedAnswerError, match="chaîne"):
            chain_of(retrait, chains)


@pytest.mark.parametrize("cut", ["before", "after", "truncated"])
def test_a_deposit_cut_short_and_run_again_gives_the_same_index(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], tmp_path: Path, stand_in: StandIn, cut: str
) -> None:
    path = tmp_path / "lot.xml"
    lot = make_lot()
    stand_in.plan_next("deposerLot", cut)
    with pytest.raises(ConnectionLostError):
        deposit_file(connect(retry=ONCE), path, lot)
    deposit = deposit_file(connect(retry=ONCE), path, lot)
    assert (deposit.index_lot, deposit.nombre, len(stand_in.lots)) == (1, 3, 1)
    assert deposit.already_known is (cut != "before")
    again = deposit_file(connect(retry=ONCE), path, lot)
    assert (again.index_lot, again.already_known) == (1, True)
    assert stand_in.calls["deposerLot"] == 2, "a known index is not sent again"


def test_a_changed_content_under_the_same_reference_is_refused_before_sending(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], tmp_path: Path, stand_in: StandIn
) -> None:
    path = tmp_path / "lot.xml"
    deposit_file(connect(), path, make_lot())
    with pytest.raises(StateError, match="autre référence"):
        deposit_file(connect(), path, make_lot(names=("autre",)))
    assert stand_in.calls["deposerLot"] == 1


def test_a_plateforme_emptied_since_gets_the_lot_again(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], tmp_path: Path, stand_in: StandIn
) -> None:
    path = tmp_path / "lot.xml"
    deposit_file(connect(), path, make_lot())
    stand_in.lots.clear()
    assert not deposit_file(connect(), path, make_lot()).already_known
    assert stand_in.calls["deposerLot"] == 2


def test_a_damaged_state_file_is_named(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], tmp_path: Path
) -> None:
    (tmp_path / "lot.xml.etat.json").write_text("{", encoding="utf-8")
    with pytest.raises(StateError, match=r"lot\.xml\.etat\.json"):
        deposit_file(connect(), tmp_path / "lot.xml", make_lot())


def test_following_tells_each_change_and_ends_with_the_last(
    connect: Callable[..., ServiceLots], make_lot: Callable[..., Lot], stand_in: StandIn
) -> None:
    stand_in.memory.step = 1
    service = connect()
    index = service.deposer_lot(make_lot(names=("a", "b", "c"))).index_lot
    told: list[SuiviLot] = []
    last = follow_to_end(service, index, on_change=told.append)
    assert [suivi.a_retirer for suivi in told] == [0, 1, 2, 3]
    assert told[-1] == last


def test_going_on_takes_the_code_of_the_first_time(
    connect: Callable[..., ServiceLots], processed: tuple[int, Lot], tmp_path: Path, stand_in: StandIn
) -> None:
    index, lot = processed
    stand_in.plan_next("retirerPageLot", "after")
    with pytest.raises(ConnectionLostError):
        withdraw_lot(connect(retry=ONCE), index, tmp_path, CONDITIONS, lot=lot)
    other = ConditionsRetrait(
        code_revocation="Un-Autre-Code-Long", confirmation="Un-Autre-Code-Long", acceptation_cgu=True
    )
    with pytest.raises(Conflit, match="ERR_IHM_013"):
        withdraw_lot(connect(), index, tmp_path, other, lot=lot)
    assert withdraw_lot(connect(), index, tmp_path, CONDITIONS, lot=lot).withdrawn == 3

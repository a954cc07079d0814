"""Faults planted in CRLs, in their rows and in the published files: each is found, named, and nothing else is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from sqlalchemy import delete, update

from audit.findings import Topic
from audit.reading.crl import read_list
from batch.lists.crls import publish
from batch.lists.root_crls import take_carried_crl
from pki.certificates import der
from pki.issuing.crl import CrlEntry, CrlForm, build_crl
from pki.signer import Signer
from pki.status.reasons import RevocationReason
from registration.revocation.revoking import revoke
from storage import tables
from tests.integration.audit.conftest import ORG, PERSONNES, Place
from tests.integration.audit.forging import parts
from tests.support.assertions import the
from tests.support.stored import der_of
from tests.vectors.keys import key
from tests.vectors.samples import KeySigner

pytestmark = pytest.mark.long

ROOT = "ACR-EL-TEST"
FULL, DELTA = f"CRL {ORG}", f"delta CRL {ORG}"

Edit = Callable[[list[CrlEntry]], list[CrlEntry]]


def entries_of(content: bytes) -> list[CrlEntry]:
    """The entries of a list, as whoever signs it would be given them."""
    found = []
    for entry in x509.load_der_x509_crl(content):
        reasons = [one.value for one in entry.extensions if isinstance(one.value, x509.CRLReason)]
        reason = RevocationReason.UNSPECIFIED
        if reasons:
            reason = {
                x509.ReasonFlags.key_compromise: RevocationReason.KEY_COMPROMISE,
                x509.ReasonFlags.cessation_of_operation: RevocationReason.CESSATION_OF_OPERATION,
            }[reasons[0].reason]
        found.append(CrlEntry(entry.serial_number, entry.revocation_date_utc, reason))
    return found


def resign(
    place: Place,
    edit: Edit = list,
    *,
    delta: bool = False,
    number: int | None = None,
    base: int | None = None,
    signer: Signer | None = None,
    update: tuple[datetime, datetime] | None = None,
    mangle: Callable[[bytes], bytes] = bytes,
) -> None:
    """Sign another list of ORG under its number and dates, put it into its row and its file."""
    row = stored(place)
    content = the(row.delta) if delta else der_of(row)
    old = x509.load_der_x509_crl(content)
    this_update, next_update = update or (old.last_update_utc, the(old.next_update_utc))
    new = build_crl(
        place.hierarchy.authorities[ORG],
        signer or place.hierarchy.signers[ORG],
        edit(entries_of(content)),
        number_of(content) if number is None else number,
        this_update,
        next_update,
        CrlForm(base=(row.numero if base is None else base) if delta else None, freshest=True),
    )
    new = mangle(new)
    if delta:
        place.change(tables.Crl, ORG, delta=new, delta_fin=next_update)
    else:
        place.change(tables.Crl, ORG, der=new, this_update=this_update, next_update=next_update)
    (place.publication / "CRL" / f"{ORG}{'-delta' if delta else ''}.crl").write_bytes(new)


def stored(place: Place, autorite: str = ORG) -> tables.Crl:
    with place.db.read() as session:
        return session.get_one(tables.Crl, autorite)


def number_of(content: bytes) -> int:
    return x509.load_der_x509_crl(content).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def signed_again(place: Place, content: bytes, edit: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """The list with its fields edited, under a valid signature."""
    outer = parts(content)
    tbs = der.sequence(*edit(parts(outer[0])))
    return der.sequence(tbs, outer[1], der.bit_string(place.hierarchy.signers[ORG].sign(tbs)))


PLANTED: dict[str, tuple[Callable[[Place], object], tuple[tuple[str, str], ...]]] = {}


def plants(*expected: tuple[str, str]) -> Callable[[Callable[[Place], object]], Callable[[Place], object]]:
    """Register a fault with (object, words) of each of its findings."""

    def register(plant: Callable[[Place], object]) -> Callable[[Place], object]:
        PLANTED[plant.__name__.strip("_").replace("_", " ")] = (plant, expected)
        return plant

    return register


@plants((FULL, "révoquée, et absente de la liste"))
def _revoked_and_not_on_the_list(place: Place) -> None:
    resign(place, lambda _: [])


@plants((DELTA, "révoquée, et absente de la liste"))
def _revoked_and_not_on_the_delta(place: Place) -> None:
    resign(place, lambda _: [], delta=True)


@plants((FULL, "sur la liste, et pas révoquée"))
def _on_the_list_and_not_revoked(place: Place) -> None:
    serial = int(place.certificat("ORG_SIGN").serial, 16)
    resign(place, lambda entries: [*entries, CrlEntry(serial, place.clock())])


@plants((DELTA, f"série {0x1234:032x} : inconnue"))
def _a_stranger_on_the_delta(place: Place) -> None:
    resign(place, lambda entries: [*entries, CrlEntry(0x1234, place.clock())], delta=True)


@plants((FULL, "date ou raison autres"))
def _another_reason(place: Place) -> None:
    resign(place, lambda entries: [one._replace(reason=RevocationReason.SUPERSEDED) for one in entries])


@plants((DELTA, "date ou raison autres"))
def _another_date(place: Place) -> None:
    resign(
        place,
        lambda entries: [entries[0]._replace(revoked_at=entries[0].revoked_at + timedelta(seconds=1)), *entries[1:]],
        delta=True,
    )


@plants((FULL, "thisUpdate est loin du moment de sa signature"), (DELTA, "est plus ancienne que la liste entière"))
def _dated_after_it_was_made(place: Place) -> None:
    row = stored(place)
    resign(place, update=(row.complete_le + timedelta(minutes=6), row.next_update))


@plants((DELTA, "thisUpdate est loin du moment de sa signature"), (DELTA, "est plus ancienne que la liste entière"))
def _a_delta_dated_long_before_it_was_made(place: Place) -> None:
    row = stored(place)
    resign(place, delta=True, update=(row.publie_le - timedelta(minutes=80), the(row.delta_fin)))


@plants((DELTA, "manque, alors que les certificats nomment son adresse"))
def _no_delta(place: Place) -> None:
    (place.publication / "CRL" / f"{ORG}-delta.crl").unlink()
    place.change(tables.Crl, ORG, delta=None, delta_fin=None)


@plants((FULL, "échue depuis le"))
def _expired(place: Place) -> None:
    row = stored(place)
    resign(place, update=(row.this_update, place.clock() - timedelta(seconds=30)))


@plants((FULL, "la signature n'est pas celle de l'autorité"))
def _signed_by_another_key(place: Place) -> None:
    # The library that makes the list refuses to; so the signature is exchanged afterwards.
    def mangle(content: bytes) -> bytes:
        outer = parts(content)
        return der.sequence(outer[0], outer[1], der.bit_string(KeySigner(ORG, key("leaf")).sign(outer[0])))

    resign(place, mangle=mangle)


@plants((FULL, "une liste vide est écrite"), (FULL, "révoquée, et absente"))
def _an_empty_list_written_out(place: Place) -> None:
    resign(
        place, mangle=lambda content: signed_again(place, content, lambda fields: [*fields[:5], b"\x30\x00", fields[6]])
    )


@plants((FULL, "une raison « unspecified » est écrite"), (FULL, "date ou raison autres"))
def _unspecified_written_out(place: Place) -> None:
    resign(
        place,
        mangle=lambda content: signed_again(
            place, content, lambda fields: [*fields[:5], fields[5].replace(b"\x0a\x01\x05", b"\x0a\x01\x00"), fields[6]]
        ),
    )


@plants((FULL, "le numéro ou les dates ne sont pas ceux de la ligne"), (DELTA, "ne complète pas la liste entière"))
def _another_number(place: Place) -> None:
    resign(place, number=1)


@plants((DELTA, "ne complète pas la liste entière"))
def _delta_of_a_later_list(place: Place) -> None:
    resign(place, delta=True, base=3)


@plants((DELTA, "porte un numéro qui n'a pas été tiré"))
def _number_that_was_never_drawn(place: Place) -> None:
    resign(place, delta=True, number=9)


@plants((FULL, f"le fichier publié {ORG}.crl n'est pas la liste de la base"))
def _another_file(place: Place) -> None:
    shutil.copyfile(place.publication / "CRL" / f"{PERSONNES}.crl", place.publication / "CRL" / f"{ORG}.crl")


@plants((DELTA, f"le fichier publié {ORG}-delta.crl manque"))
def _no_file(place: Place) -> None:
    (place.publication / "CRL" / f"{ORG}-delta.crl").unlink()


@plants((FULL, "aucune liste"))
def _no_list_at_all(place: Place) -> None:
    with place.db.write() as session:
        session.execute(delete(tables.Crl).where(tables.Crl.autorite == ORG))


@plants((FULL, "illisible"))
def _no_list_but_bytes(place: Place) -> None:
    place.change(tables.Crl, ORG, der=b"\x30\x03no!")


@plants((f"CRL {ROOT}", "échue depuis le"))
def _offline_root_forgotten(place: Place) -> None:
    """Its list is a file only, carried here a year ago."""
    with place.db.write() as session:
        session.execute(delete(tables.Crl).where(tables.Crl.autorite == ROOT))
    root, now = place.hierarchy.authorities[ROOT], place.clock()
    content = build_crl(
        root,
        place.hierarchy.signers[ROOT],
        [],
        7,
        now - timedelta(days=9),
        now - timedelta(days=1),
        CrlForm(freshest=True),
    )
    (place.publication / "CRL" / f"{ROOT}.crl").write_bytes(content)


@plants((FULL, "pas publiée"))
def _revoked_long_ago_and_published_nowhere(place: Place) -> None:
    place.change(tables.Certificat, "TLS_SERVER", revoque_le=place.clock(), raison_crl="superseded")
    place.clock.advance(minutes=75)


@plants((FULL, "dite apportée d'une racine"))
def _a_list_of_ours_that_nobody_renews(place: Place) -> None:
    place.change(tables.Crl, ORG, apportee=True)


@plants((FULL, "dite apportée d'une racine"), (FULL, "révoquée, et absente de la liste"))
def _an_empty_list_said_to_be_carried(place: Place) -> None:
    resign(place, lambda _entries: [])
    place.change(tables.Crl, ORG, apportee=True)


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_fault_is_found_and_named(embedded: Place, case: str) -> None:
    plant, expected = PLANTED[case]
    plant(embedded)
    check(embedded, expected)


def check(place: Place, expected: Sequence[tuple[str, str]]) -> None:
    findings = place.audit().findings
    assert len(findings) == len(expected), findings
    for subject, words in expected:
        assert any(one.subject == subject and words in one.text for one in findings), findings


def test_a_carried_list_that_revokes_an_authority_is_no_fault(embedded: Place) -> None:
    root, now = embedded.hierarchy.authorities[ROOT], embedded.clock()
    entries = [CrlEntry(embedded.hierarchy.authorities[PERSONNES].certificate.serial_number, now)]
    signer, form = embedded.hierarchy.signers[ROOT], CrlForm(freshest=True)
    content = build_crl(root, signer, entries, 40, now, now + timedelta(days=90), form)
    take_carried_crl(embedded.db, embedded.publication, root, content, now)
    assert embedded.audit(trail=True).findings == []
    (embedded.publication / "CRL" / f"{ROOT}.crl").write_bytes(b"another")
    check(embedded, [(f"CRL {ROOT}", "n'est pas la liste de la base")])


def test_a_revocation_just_made_is_no_fault(embedded: Place) -> None:
    embedded.change(tables.Certificat, "TLS_SERVER", revoque_le=embedded.clock(), raison_crl="superseded")
    assert embedded.audit().findings == []
    embedded.clock.advance(minutes=2)
    publish(embedded.context, ORG)
    assert embedded.audit().findings == []


def test_a_reason_that_became_stronger_is_no_fault_until_a_newer_list_keeps_the_former_one(embedded: Place) -> None:
    embedded.change(tables.Certificat, "TLS_SERVER", revoque_le=embedded.clock(), raison_crl="superseded")
    embedded.clock.advance(minutes=2)
    publish(embedded.context, ORG)
    embedded.clock.advance(minutes=2)
    with embedded.db.write() as session:
        revoke(session, {embedded.certificat("TLS_SERVER").id: "keyCompromise"}, embedded.clock(), "essai")
    assert embedded.audit().findings == []
    embedded.clock.advance(minutes=2)
    publish(embedded.context, ORG, full=False)
    assert embedded.audit().findings == []
    embedded.clock.advance(minutes=2)
    with embedded.db.write() as session:
        session.execute(update(tables.Certificat).values(raison_modifiee_le=None))
    check(embedded, [(FULL, "date ou raison autres")])


def test_lists_that_change_under_the_eyes_of_the_auditor_are_no_fault(
    embedded: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate is revoked and the list published between the reading of the list and that of the rows."""
    from audit.status import crls

    waiting = [True]

    def slowly(content: bytes) -> object:
        if content == stored(embedded).der and waiting:
            waiting.clear()
            # Dated long ago, as no honest revocation is: only the second look can tell.
            at = embedded.clock() - timedelta(minutes=30)
            embedded.change(tables.Certificat, "TLS_SERVER", revoque_le=at, raison_crl="superseded")
            publish(embedded.context, ORG)
        return read_list(content)

    monkeypatch.setattr(crls, "read_list", slowly)
    assert embedded.audit().findings == []
    assert waiting == []


def test_many_revocations_are_read_page_by_page(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from audit.status import crls

    monkeypatch.setattr(crls, "_PAGE", 2)
    names = ("ORG_AUTH_CLI", "ORG_CONF", "SERV_SIGN", "SERV_CONF", "TLS_SERVER")
    for rank, name in enumerate(names):
        at = place.clock() - timedelta(seconds=rank // 3)  # some at the same moment
        place.change(tables.Certificat, name, revoque_le=at, raison_crl="superseded")
        if name in place.numeros:
            place.change(tables.Demande, name, etat_produit="REVOQUE")
    place.clock.advance(minutes=2)
    publish(place.context, ORG)
    assert {one.text for one in place.audit().findings if one.topic != Topic.LOT} == {
        "le certificat est révoqué, et aucune ligne ne le dit"
    }
    assert len(x509.load_der_x509_crl(stored(place).der)) == len(names) + 2

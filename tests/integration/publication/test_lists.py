"""CRLs from the batch to the HTTP client, and the certificates beside them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography import x509
from sqlalchemy import event, select
from sqlalchemy.pool import QueuePool

from batch.lists import crls
from batch.lists.contents import PublishedLists
from batch.lists.crls import publish, publish_due
from batch.watching.alarms import Subject, find_alarms
from pki.certificates.profiles import DELTA_IN_DIRECTORY
from pki.certificates.serials import new_serial, serial_hex
from pki.containers.pkcs7 import read_certs_only
from pki.issuing.crl import CrlForm, build_crl
from publication.files import PublishedFiles
from storage import tables
from storage.bulk import insert_rows
from tests.integration.publication.conftest import ORG, Place
from tests.support.assertions import the
from tests.support.damage import flipped
from tests.support.hierarchies import Hierarchy
from tests.support.signers import watched

pytestmark = pytest.mark.long

MARGIN = crls.COMMIT_MARGIN


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def base(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number


def serials(crl: x509.CertificateRevocationList) -> set[int]:
    return {entry.serial_number for entry in crl}


def delta(place: Place) -> x509.CertificateRevocationList:
    return place.crl(f"{ORG}-delta")


def test_a_revocation_reaches_the_published_list(place: Place) -> None:
    certificate = place.issue()
    first = place.crl()
    assert serials(first) == set()
    place.clock.advance(seconds=1)
    place.revoke(certificate, "superseded")
    assert publish_due(place.context) == 1
    second = place.crl()
    assert second.is_signature_valid(place.context.authorities[ORG].public_key)
    (entry,) = second
    assert entry.serial_number == certificate.serial_number
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.superseded
    assert number(second) > number(first)
    # The delta made with it carries its number and starts from the list before.
    assert (number(delta(place)), base(delta(place))) == (number(second), number(first))
    assert serials(delta(place)) == {certificate.serial_number}
    freshest = second.extensions.get_extension_for_class(x509.FreshestCRL).value
    assert [point.full_name for point in freshest] == [
        point.full_name for point in certificate.extensions.get_extension_for_class(x509.FreshestCRL).value
    ]


def test_a_certificate_leads_to_its_delta(place: Place) -> None:
    certificate = place.issue()
    first = place.crl()
    place.clock.advance(seconds=1)
    place.revoke(certificate)
    publish(place.context, ORG)
    points = certificate.extensions.get_extension_for_class(x509.FreshestCRL).value
    (address,) = [uri for point in points for uri in _uris(point) if uri.startswith("http://")]
    found = x509.load_der_x509_crl(place.get(urlsplit(address).path).body)
    assert found.is_signature_valid(place.context.authorities[ORG].public_key)
    assert (base(found), serials(found)) == (number(first), {certificate.serial_number})


@pytest.mark.parametrize(
    ("addresses", "served"),
    [
        # As authorities of before have them: in the directory alone; the file stands beside the full list.
        ({"delta_crl_url": DELTA_IN_DIRECTORY, "delta_crl_ldap_url": ""}, {f"/CRL/{ORG}-delta.crl"}),
        ({"delta_crl_url": "", "delta_crl_ldap_url": DELTA_IN_DIRECTORY}, {f"/CRL/{ORG}-delta.crl"}),
        ({"delta_crl_url": "http://igc.example/deltas/{short_name}.crl"}, {f"/deltas/{ORG}.crl"}),
        ({"delta_crl_url": "", "delta_crl_ldap_url": ""}, set()),
    ],
)
def test_where_a_delta_is_served(
    hierarchy: Hierarchy, tmp_path: Path, addresses: dict[str, str], served: set[str]
) -> None:
    authority = hierarchy.authorities[ORG]
    changed = replace(authority, settings=msgspec.structs.replace(authority.settings, **addresses))
    (tmp_path / "CRL").mkdir()
    signer, now = hierarchy.signers[ORG], authority.not_before
    crl = build_crl(changed, signer, [], 2, now, now + timedelta(days=1), CrlForm(base=1))
    (tmp_path / "CRL" / f"{ORG}-delta.crl").write_bytes(crl)
    files = PublishedFiles({ORG: changed}, hierarchy.authorities_dir, tmp_path)
    paths = (f"/CRL/{ORG}-delta.crl", f"/deltas/{ORG}.crl")
    assert {path for path in paths if files.find(path) is not None} == served


def _uris(point: x509.DistributionPoint) -> list[str]:
    return [name.value for name in point.full_name or ()]


def test_a_list_that_its_authority_did_not_sign_is_not_served(hierarchy: Hierarchy, tmp_path: Path) -> None:
    authority, signer = hierarchy.authorities[ORG], hierarchy.signers[ORG]
    now = authority.not_before
    (tmp_path / "CRL").mkdir()
    files = PublishedFiles(hierarchy.authorities, hierarchy.authorities_dir, tmp_path)
    for name, form in ((ORG, CrlForm()), (f"{ORG}-delta", CrlForm(base=1))):
        file, path = tmp_path / "CRL" / f"{name}.crl", f"/CRL/{name}.crl"
        crl = build_crl(authority, signer, [], 2, now, now + timedelta(days=1), form)
        forged = flipped(crl)
        file.write_bytes(forged)
        assert files.find(path) is None
        for content in (crl, forged, b"words"):
            put(file, content)
            # What is known to be good stays in service.
            document = files.find(path)
            assert document is not None
            assert document.body == crl


def put(file: Path, content: bytes) -> None:
    """Another file in its place, as who publishes does it."""
    new = file.with_name("new")
    new.write_bytes(content)
    new.replace(file)


def test_a_forged_list_carries_nothing(place: Place) -> None:
    certificate = place.issue()
    place.clock.advance(seconds=1)
    place.revoke(certificate, "superseded")
    publish_due(place.context)
    serial = serial_hex(certificate.serial_number)
    with place.db.write() as session:
        row = session.get_one(tables.Crl, ORG)
        good = row.der
        row.der, row.delta = flipped(good), None
    assert not PublishedLists(place.db, place.context.authorities).carry(ORG, serial, "superseded")
    with place.db.write() as session:
        session.get_one(tables.Crl, ORG).der = good
    assert PublishedLists(place.db, place.context.authorities).carry(ORG, serial, "superseded")


def test_periods_of_the_settings_are_kept(make_place: Callable[..., Place]) -> None:
    place = make_place(crl_refresh=timedelta(minutes=30), crl_validity=timedelta(hours=5))
    place.clock.advance(minutes=29)
    assert publish_due(place.context) == 0
    place.clock.advance(minutes=1)
    assert publish_due(place.context) == len(place.context.signers)
    with place.db.read() as session:
        row = session.get_one(tables.Crl, ORG)
        assert row.next_update - row.complete_le == timedelta(hours=5)
        assert row.delta_fin == row.complete_le + timedelta(hours=1)


def test_a_long_list_is_followed_by_deltas_until_its_time(place: Place) -> None:
    context = replace(place.context, policy=replace(place.context.policy, crl_full_up_to=1))
    certificates = [place.issue() for _ in range(3)]
    for certificate in certificates[:2]:
        place.clock.advance(seconds=1)
        place.revoke(certificate)
    publish(context, ORG)
    full = place.crl()
    place.clock.advance(minutes=2)
    assert publish_due(context) == 0
    place.revoke(certificates[2])
    assert publish_due(context) == 1
    place.clock.advance(minutes=2)
    assert publish_due(context) == 1  # what a delta may lack, committed late, is looked at once more
    place.clock.advance(minutes=2)
    assert publish_due(context) == 0
    assert number(place.crl()) == number(full)
    assert serials(place.crl()) == {certificate.serial_number for certificate in certificates[:2]}
    assert base(delta(place)) == number(full)
    assert number(delta(place)) > number(full)
    # Together they say everything.
    assert serials(place.crl()) | serials(delta(place)) == {one.serial_number for one in certificates}
    place.clock.advance(hours=1)
    publish_due(context)
    assert serials(place.crl()) == {one.serial_number for one in certificates}
    assert number(place.crl()) > number(full)


def test_an_entry_stays_until_a_list_made_after_the_end_of_the_certificate(place: Place) -> None:
    certificate = place.issue()
    place.revoke(certificate)
    publish(place.context, ORG)
    place.clock.now = certificate.not_valid_after_utc - timedelta(hours=1)
    publish(place.context, ORG)
    assert serials(place.crl()) == {certificate.serial_number}
    place.clock.advance(hours=2)
    publish(place.context, ORG)
    assert serials(place.crl()) == {certificate.serial_number}
    place.clock.advance(hours=1)
    publish(place.context, ORG)
    assert serials(place.crl()) == set()


def test_the_issuing_point_is_written_on_request(place: Place) -> None:
    context = replace(place.context, policy=replace(place.context.policy, crl_issuing_point=True))
    publish(context, ORG)
    assert base(delta(place)) == number(delta(place)) == number(place.crl())  # the former base had another scope
    publish(context, ORG)
    points = [
        crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint) for crl in (place.crl(), delta(place))
    ]
    assert points[0].critical
    assert points[0].value == points[1].value


def test_lists_are_signed_without_a_transaction(place: Place) -> None:
    """Who revokes never waits for a list: while one is signed, no connection of the database is in use."""
    in_use: list[int] = []
    pool = place.db.engine.pool
    assert isinstance(pool, QueuePool)
    idle = pool.checkedout()
    signers = watched(place.context.signers, lambda _tbs: in_use.append(pool.checkedout() - idle))
    publish(replace(place.context, signers=signers), ORG)
    assert in_use == [0, 0]


def test_a_number_is_used_once_whoever_publishes(place: Place) -> None:
    signed: list[int] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("UPDATE crl SET dernier_numero"):
            signed.append(1)

    event.listen(place.db.engine, "before_cursor_execute", note)
    with ThreadPoolExecutor(4) as pool:
        ders = list(pool.map(lambda _: publish(place.context, ORG), range(8)))
    numbers = {number(x509.load_der_x509_crl(der)): der for der in ders}
    assert all(numbers[number(x509.load_der_x509_crl(der))] == der for der in ders)
    with place.db.read() as session:
        row = session.get_one(tables.Crl, ORG)
    assert len(signed) == 8
    assert row.dernier_numero == 9
    assert number(place.crl()) == row.numero <= 9
    assert place.get(f"/CRL/{ORG}.crl").body == row.der


def test_a_large_list_is_whole(place: Place) -> None:
    now = place.clock()
    rows: list[dict[str, Any]] = [
        {
            "autorite": ORG, "serial": serial_hex(new_serial()), "produit": "ORG_AUTH_CLI",
            "not_before": now, "not_after": now + timedelta(days=900), "emis_le": now,
            "revoque_le": now - timedelta(seconds=n), "raison_crl": "keyCompromise" if n % 2 else None,
        }
        for n in range(5000)
    ]  # fmt: skip
    with place.db.write() as session:
        insert_rows(session, tables.Certificat, rows)
    publish(place.context, ORG)
    reply = place.get(f"/CRL/{ORG}.crl")
    assert int(reply.headers["content-length"]) == len(reply.body) > 200_000
    assert serials(x509.load_der_x509_crl(reply.body)) == {int(row["serial"], 16) for row in rows}


def test_types_and_cache_headers(place: Place) -> None:
    authority = place.context.authorities[ORG]
    crl = place.get(f"/CRL/{ORG}.crl")
    assert crl.headers["content-type"] == "application/pkix-crl"
    assert crl.headers["cache-control"] == "max-age=300, public, no-transform, must-revalidate"
    read = x509.load_der_x509_crl(crl.body)
    # Not thisUpdate, which is earlier: who fetched the list before this one after that would be told it is the same.
    written = datetime.fromtimestamp((the(place.context.publication) / "CRL" / f"{ORG}.crl").stat().st_mtime, UTC)
    assert crl.headers["last-modified"] == f"{written:%a, %d %b %Y %H:%M:%S} GMT"
    assert crl.headers["expires"] == f"{read.next_update_utc:%a, %d %b %Y %H:%M:%S} GMT"
    assert place.get(f"/CRL/{ORG}.crl", {"If-None-Match": crl.headers["etag"]}).status == 304
    place.clock.now = the(read.next_update_utc) - timedelta(seconds=60)
    assert place.get(f"/CRL/{ORG}.crl").headers["cache-control"].startswith("max-age=59,")
    certificate = place.get(f"/AC%20TEST/{ORG}.cer")
    assert (certificate.headers["content-type"], certificate.body) == (
        "application/pkix-cert",
        authority.certificate_der,
    )
    chain = place.get("/AC%20TEST/Chaine_de_certification-TEST.p7b")
    assert chain.headers["content-type"] == "application/pkcs7-mime; smime-type=certs-only"
    members = read_certs_only(chain.body)
    assert set(members) == {item.certificate_der for item in place.context.authorities.values()}
    root = next(item for item in place.context.authorities.values() if item.is_root)
    assert members[-1] == root.certificate_der


ABSENT = (
    "/CRL/", "/CRL/absent.crl", f"/CRL/../CRL/{ORG}.crl", f"/CRL/%2e%2e/ocsp/{ORG}.ocsp.pem", "/authorities.json",
    f"/AC%20TEST/{ORG}.pem", "/AC%20TEST/authorities.json", "/AC%20TEST/ceremony.jsonl", "/favicon.ico",
)  # fmt: skip


def test_nothing_else_is_there(place: Place) -> None:
    replies = {path: place.get(path) for path in ABSENT}
    assert {path: (reply.status, reply.body) for path, reply in replies.items()} == dict.fromkeys(ABSENT, (404, b""))


def test_alarms(place: Place) -> None:
    policy, expected = place.context.policy, [ORG]

    def alarms() -> set[Subject]:
        return {one.subject for one in find_alarms(place.db, policy, place.clock(), expected) if one.name == ORG}

    publish(place.context, ORG)  # now with a delta
    assert alarms() == set()
    place.clock.advance(minutes=100)
    assert alarms() == {Subject.DELTA}
    place.clock.advance(hours=36)
    assert alarms() == {Subject.DELTA, Subject.CRL}
    place.clock.advance(days=23)
    assert alarms() == {Subject.DELTA, Subject.CRL, Subject.RESPONDER}
    assert {
        one.ends for one in find_alarms(place.db, policy, place.clock(), ["ACI-NEUVE"]) if one.name == "ACI-NEUVE"
    } == {None}


def test_certificates_of_responders_are_kept_like_others(place: Place) -> None:
    with place.db.read() as session:
        rows = session.scalars(select(tables.Certificat).where(tables.Certificat.produit == "OCSP_SIGNER")).all()
    assert {row.autorite for row in rows} == {ORG}
    for row in rows:
        assert row.der is not None
        certificate = x509.load_der_x509_certificate(row.der)
        assert (serial_hex(certificate.serial_number), row.tbs) == (row.serial, None)
        assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (row.not_before, row.not_after)

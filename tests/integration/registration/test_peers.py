"""Who stands behind a client certificate: every refusal, and that doubt is a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import methodcaller
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from batch.issuing.own_certificates import Enrolled
from batch.lists.crls import publish
from batch.lists.root_crls import take_carried_crl
from pki.authority import Authority
from pki.certificates.content import CertificateContent
from pki.certificates.serials import new_serial, serial_hex
from pki.errors import CeremonyError, NoIssuerError
from pki.issuing.crl import CrlEntry, build_crl
from pki.issuing.issuance import issue, lint, prepare
from registration.acteurs.identity import PeerChecker
from registration.errors import AccessError, Code, NotAtOnceError
from registration.vocabulary import Plateforme
from storage import tables
from tests.support.acteurs import ALL_SENDERS
from tests.support.csrs import key
from tests.support.damage import flipped
from tests.support.databases import statements
from tests.support.hierarchies import Hierarchy, make_hierarchy
from tests.support.produits import conditions
from tests.support.world import World, enrolled_serial

ROOT = "ACR-EL-TEST"
CARDS = "ACI-CARTES-TEST"
APPLICATIONS = "ACI-EL-ORG-TEST"


@pytest.fixture
def guarded(world: World) -> World:
    """A world with a current CRL of each authority that issues to clients."""
    world.publish_crls(CARDS, APPLICATIONS)
    return world


@pytest.fixture(scope="session")
def foreign_hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """Authorities of the same names as ours, with other keys."""
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy-foreign"), "TEST")


def refused(world: World, der: bytes | None, checker: PeerChecker | None = None) -> Code:
    """The code with which a certificate is refused."""

    def ask() -> object:
        return world.ra.acteurs.identify(der) if checker is None else checker.identify(der, world.clock())

    with pytest.raises(AccessError) as caught:
        ask()
    return caught.value.code


def issue_leaf(
    hierarchy: Hierarchy, name: str, content: CertificateContent, now: datetime, not_after: datetime | None = None
) -> bytes:
    """A certificate straight from an authority, without any row."""
    authority = hierarchy.authorities[name]
    spki = key(50).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    prepared = prepare(authority, content, spki, new_serial(), now, not_after=not_after)
    return issue(lint(prepared, authority), hierarchy.signers[name]).der


def register(world: World, name: str, authority: Authority, der: bytes) -> None:
    """Register a certificate for an acteur."""
    with world.db.write() as session:
        session.add(
            tables.Identite(
                id_acteur=world.acteurs[name].id,
                issuer_sha256=authority.name_hash,
                serial=serial_hex(x509.load_der_x509_certificate(der).serial_number),
            )
        )


SIGNS = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass
class _Key:
    """A signing key of ours, for certificates that the CA core would never make."""

    hierarchy: Hierarchy
    name: str = CARDS

    def sign(self, builder: x509.CertificateBuilder) -> bytes:
        # The CA core has no door for such certificates; the tests take the key out of the software signer.
        private = self.hierarchy.signers[self.name]._key  # type: ignore[attr-defined]  # see above
        return builder.sign(private, hashes.SHA256()).public_bytes(Encoding.DER)


def odd_leaf(
    hierarchy: Hierarchy, change: Callable[[x509.CertificateBuilder], x509.CertificateBuilder], now: datetime
) -> bytes:
    """A certificate signed by our authority with ``change`` applied to it."""
    authority = hierarchy.authorities[CARDS]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "899700990011")]))
        .issuer_name(authority.certificate.subject)
        .public_key(key(50).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.AuthorityKeyIdentifier(authority.key_id, None, None), critical=False)
        .add_extension(SIGNS, critical=True)
    )
    return _Key(hierarchy).sign(change(builder))


def test_a_registered_certificate_in_force_is_its_acteur(guarded: World) -> None:
    for name in ALL_SENDERS:
        enrolled = guarded.enroll_client(name)
        assert guarded.ra.acteurs.identify(enrolled.der).acteur == guarded.acteurs[name]


def test_no_certificate(guarded: World) -> None:
    assert refused(guarded, None) is Code.NO_CERTIFICATE


def test_garbage_is_refused_and_nothing_else_is_raised(guarded: World) -> None:
    good = guarded.enroll_client("dr-leroux").der
    cases = [
        b"", b"\x00", b"garbage", b"\x30\x80", b"\x30\x03\x02\x01\x00", b"\x30\x84\xff\xff\xff\xff",
        good[:-1], good + b"\x00", good[:200], good[:40] + b"\xff" + good[41:], b"-----BEGIN CERTIFICATE-----",
        flipped(good),
    ]  # fmt: skip
    # A version that does not exist, an extension standing twice, a signature algorithm that nobody knows.
    cases += [
        good.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"),
        good.replace(b"\x06\x03\x55\x1d\x0e", b"\x06\x03\x55\x1d\x23"),
        good.replace(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x7e"),
    ]
    assert good not in cases
    # Each byte of the certificate turned, one by one in steps: never anything but a refusal.
    cases += [good[:at] + bytes((good[at] ^ 0x15,)) + good[at + 1 :] for at in range(0, len(good), 7)]
    for der in cases:
        assert refused(guarded, der) is Code.CERTIFICATE_REFUSED
    assert guarded.ra.acteurs.identify(good).acteur == guarded.acteurs["dr-leroux"]


def test_a_self_signed_certificate_under_the_name_of_our_authority(guarded: World) -> None:
    authority = guarded.hierarchy.authorities[CARDS]
    builder = (
        x509.CertificateBuilder()
        .subject_name(authority.certificate.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(key(50).public_key())
        .serial_number(1)
        .not_valid_before(guarded.clock.now - timedelta(days=1))
        .not_valid_after(guarded.clock.now + timedelta(days=1))
        .add_extension(x509.AuthorityKeyIdentifier(authority.key_id, None, None), critical=False)
        .add_extension(SIGNS, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    assert (
        refused(guarded, builder.sign(key(50), hashes.SHA256()).public_bytes(Encoding.DER)) is Code.CERTIFICATE_REFUSED
    )


def test_another_authority_of_the_same_name_is_not_ours(guarded: World, foreign_hierarchy: Hierarchy) -> None:
    ours = guarded.enroll_client("dr-leroux")
    assert foreign_hierarchy.authorities[CARDS].name_hash == guarded.hierarchy.authorities[CARDS].name_hash
    same_subject = issue_leaf(foreign_hierarchy, CARDS, ALL_SENDERS["dr-leroux"].content, guarded.clock.now)
    # Even when somebody had registered its serial.
    register(guarded, "dr-leroux", foreign_hierarchy.authorities[CARDS], same_subject)
    assert refused(guarded, same_subject) is Code.CERTIFICATE_REFUSED
    assert guarded.ra.acteurs.identify(ours.der).acteur == guarded.acteurs["dr-leroux"]


USAGES: tuple[list[x509.ObjectIdentifier] | None, ...] = (
    [ExtendedKeyUsageOID.SERVER_AUTH],
    [ExtendedKeyUsageOID.EMAIL_PROTECTION],
    [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE],
    [ExtendedKeyUsageOID.OCSP_SIGNING],
    None,
)


def test_a_certificate_that_is_not_for_client_authentication(guarded: World) -> None:
    for usages in USAGES:

        def change(
            builder: x509.CertificateBuilder, usages: list[x509.ObjectIdentifier] | None = usages
        ) -> x509.CertificateBuilder:
            return builder if usages is None else builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)

        der = odd_leaf(guarded.hierarchy, change, guarded.clock.now)
        register(guarded, "dr-leroux", guarded.hierarchy.authorities[CARDS], der)
        assert refused(guarded, der) is Code.CERTIFICATE_REFUSED


def test_a_product_for_signatures_does_not_open_the_door(guarded: World) -> None:
    index = guarded.issued(guarded.form("ORG_SIGN"))
    guarded.ra.retraits.withdraw_page(guarded.origin(), index, conditions())
    with guarded.db.read() as session:
        der = session.query(tables.Certificat).filter_by(id_demande=guarded.numeros(index)[0]).one().der
    assert der is not None
    register(guarded, "dr-leroux", guarded.hierarchy.authorities[APPLICATIONS], der)
    assert refused(guarded, der) is Code.CERTIFICATE_REFUSED


def test_a_certificate_of_an_authority_is_no_client(guarded: World) -> None:
    for authority in guarded.hierarchy.authorities.values():
        assert refused(guarded, authority.certificate_der) is Code.CERTIFICATE_REFUSED


def test_before_and_after_its_validity(guarded: World) -> None:
    content = ALL_SENDERS["dr-leroux"].content
    now = guarded.clock.now
    der = issue_leaf(guarded.hierarchy, CARDS, content, now, now + timedelta(hours=2))
    register(guarded, "dr-leroux", guarded.hierarchy.authorities[CARDS], der)
    for moment, accepted in (
        (now - timedelta(minutes=6), False),
        (now - timedelta(minutes=4), True),  # clocks of clients and of the CA may differ a little
        (now, True),
        (now + timedelta(hours=2) - timedelta(seconds=1), True),
        (now + timedelta(hours=2), False),
        (now + timedelta(days=400), False),
    ):
        guarded.clock.now = moment
        if accepted:
            assert guarded.ra.acteurs.identify(der).acteur == guarded.acteurs["dr-leroux"]
        else:
            assert refused(guarded, der) is Code.CERTIFICATE_REVOKED


def revoke_row(world: World, enrolled: Enrolled) -> None:
    with world.db.write() as session:
        session.query(tables.Certificat).filter_by(serial=enrolled_serial(enrolled)).update(
            {"revoque_le": world.clock.now}
        )


def test_revoked_by_its_row_before_any_crl_says_so(guarded: World) -> None:
    enrolled = guarded.enroll_client("dr-leroux")
    checker = PeerChecker(guarded.db, guarded.hierarchy.authorities, Plateforme.TEST)
    assert checker.identify(enrolled.der, guarded.clock()).acteur == guarded.acteurs["dr-leroux"]
    revoke_row(guarded, enrolled)
    # The very next request, on the same checker with all its caches.
    assert refused(guarded, enrolled.der, checker) is Code.CERTIFICATE_REVOKED
    publish(guarded.context, CARDS)
    assert refused(guarded, enrolled.der, checker) is Code.CERTIFICATE_REVOKED


def store_crl(world: World, der: bytes, next_update: datetime) -> None:
    """Put a CRL in the place of the current one, as an import or another writer would."""
    with world.db.write() as session:
        row = session.get_one(tables.Crl, CARDS)
        row.der, row.next_update, row.numero = der, next_update, row.numero + 1


def test_revoked_by_the_crl_only(guarded: World) -> None:
    now = guarded.clock.now
    der = issue_leaf(guarded.hierarchy, CARDS, ALL_SENDERS["dr-leroux"].content, now)
    register(guarded, "dr-leroux", guarded.hierarchy.authorities[CARDS], der)
    checker = PeerChecker(guarded.db, guarded.hierarchy.authorities, Plateforme.TEST)
    assert checker.identify(der, now).acteur == guarded.acteurs["dr-leroux"]
    serial = x509.load_der_x509_certificate(der).serial_number
    hierarchy = guarded.hierarchy
    crl = build_crl(
        hierarchy.authorities[CARDS],
        hierarchy.signers[CARDS],
        [CrlEntry(serial, now)],
        77,
        now,
        now + timedelta(days=7),
    )
    store_crl(guarded, crl, now + timedelta(days=7))
    assert refused(guarded, der, checker) is Code.CERTIFICATE_REVOKED


def test_without_a_current_crl_nobody_comes_in(guarded: World) -> None:
    enrolled = guarded.enroll_client("dr-leroux")
    checker = PeerChecker(guarded.db, guarded.hierarchy.authorities, Plateforme.TEST)
    with guarded.db.read() as session:
        end = session.get_one(tables.Crl, CARDS).next_update
    guarded.clock.now = end - timedelta(seconds=1)
    assert checker.identify(enrolled.der, guarded.clock()).acteur == guarded.acteurs["dr-leroux"]
    guarded.clock.now = end
    assert refused(guarded, enrolled.der, checker) is Code.REVOCATION_STATUS_UNAVAILABLE
    with guarded.db.write() as session:
        session.query(tables.Crl).filter_by(autorite=CARDS).delete()
    guarded.clock.now = end - timedelta(days=1)
    assert refused(guarded, enrolled.der, checker) is Code.REVOCATION_STATUS_UNAVAILABLE


def test_a_damaged_crl_is_no_crl(guarded: World) -> None:
    enrolled = guarded.enroll_client("dr-leroux")
    for damaged in (b"", b"garbage"):
        store_crl(guarded, damaged, guarded.clock.now + timedelta(days=7))
        assert refused(guarded, enrolled.der) is Code.REVOCATION_STATUS_UNAVAILABLE


def test_the_crl_of_another_authority_does_not_help(guarded: World) -> None:
    enrolled = guarded.enroll_client("dr-leroux")
    with guarded.db.write() as session:
        session.query(tables.Crl).filter_by(autorite=CARDS).delete()
    assert refused(guarded, enrolled.der) is Code.REVOCATION_STATUS_UNAVAILABLE
    application = guarded.enroll_client("dpi-acacias")
    assert guarded.ra.acteurs.identify(application.der).acteur == guarded.acteurs["dpi-acacias"]


def carry(world: World, folder: Path, number: int, *revoked: str) -> None:
    """Take up a CRL that the root signed elsewhere, good for thirty days."""
    root, now = world.hierarchy.authorities[ROOT], world.clock()
    entries = [CrlEntry(world.hierarchy.authorities[name].certificate.serial_number, now) for name in revoked]
    crl = build_crl(root, world.hierarchy.signers[ROOT], entries, number, now, now + timedelta(days=30))
    take_carried_crl(world.db, folder, root, crl, now)


def test_an_authority_that_its_root_revoked_lets_nobody_in_and_issues_nothing(guarded: World, tmp_path: Path) -> None:
    card, application = guarded.enroll_client("dr-leroux"), guarded.enroll_client("dpi-acacias")
    checker = PeerChecker(guarded.db, guarded.hierarchy.authorities, Plateforme.TEST)
    assert checker.identify(card.der, guarded.clock()).acteur == guarded.acteurs["dr-leroux"]
    carry(guarded, tmp_path, 4)
    assert checker.identify(card.der, guarded.clock()).acteur == guarded.acteurs["dr-leroux"]
    with statements(guarded.db.engine) as sent:
        checker.identify(card.der, guarded.clock())
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 1
    carry(guarded, tmp_path, 5, CARDS)
    assert refused(guarded, card.der, checker) is Code.CERTIFICATE_REVOKED
    assert checker.identify(application.der, guarded.clock()).acteur == guarded.acteurs["dpi-acacias"]
    assert guarded.context.issuer_of(Plateforme.TEST, "TLS_SERVER").short_name == APPLICATIONS
    with pytest.raises(NoIssuerError):
        guarded.context.issuer_of(Plateforme.TEST, "CPS_AUTH")
    # What was in force before does not come back, even when the published file is lost.
    (tmp_path / "CRL" / f"{ROOT}.crl").unlink()
    with pytest.raises(CeremonyError):
        carry(guarded, tmp_path, 4)
    assert refused(guarded, card.der, checker) is Code.CERTIFICATE_REVOKED


def test_the_list_of_the_root_must_be_current_once_it_is_here(guarded: World, tmp_path: Path) -> None:
    enrolled = guarded.enroll_client("dr-leroux")
    carry(guarded, tmp_path, 1)
    guarded.clock.advance(days=30, seconds=-1)
    guarded.publish_crls(CARDS)
    assert guarded.ra.acteurs.identify(enrolled.der).acteur == guarded.acteurs["dr-leroux"]
    guarded.clock.advance(seconds=1)
    assert refused(guarded, enrolled.der) is Code.REVOCATION_STATUS_UNAVAILABLE
    carry(guarded, tmp_path, 2)
    assert guarded.ra.acteurs.identify(enrolled.der).acteur == guarded.acteurs["dr-leroux"]
    with guarded.db.write() as session:
        session.get_one(tables.Crl, ROOT).der = b"garbage"
    assert refused(guarded, enrolled.der) is Code.REVOCATION_STATUS_UNAVAILABLE
    with pytest.raises(NoIssuerError):
        guarded.context.issuer_of(Plateforme.TEST, "CPS_AUTH")


def test_who_cannot_ask_the_root_lets_nobody_in(guarded: World) -> None:
    enrolled = guarded.enroll_client("dr-leroux")
    without_root = {name: one for name, one in guarded.hierarchy.authorities.items() if name != ROOT}
    checker = PeerChecker(guarded.db, without_root, Plateforme.TEST)
    assert refused(guarded, enrolled.der, checker) is Code.CERTIFICATE_REFUSED


def test_a_certificate_of_the_other_plateforme(guarded: World, production: World) -> None:
    production.publish_crls("ACI-CARTES")
    both = {**guarded.hierarchy.authorities, **production.hierarchy.authorities}
    of_test, of_production = guarded.enroll_client("dr-leroux"), production.enroll_client("dr-leroux")
    on_test = PeerChecker(guarded.db, both, Plateforme.TEST)
    on_production = PeerChecker(guarded.db, both, Plateforme.PRODUCTION)
    assert refused(guarded, of_test.der, on_production) is Code.CERTIFICATE_WRONG_PLATEFORME
    assert refused(guarded, of_production.der, on_test) is Code.CERTIFICATE_WRONG_PLATEFORME
    assert on_test.identify(of_test.der, guarded.clock()).acteur == guarded.acteurs["dr-leroux"]
    assert on_production.identify(of_production.der, guarded.clock()).acteur == production.acteurs["dr-leroux"]
    # Who does not know the other hierarchy refuses its certificates without saying why.
    alone = PeerChecker(guarded.db, production.hierarchy.authorities, Plateforme.PRODUCTION)
    assert refused(guarded, of_test.der, alone) is Code.CERTIFICATE_REFUSED


def test_an_identity_registered_on_the_other_plateforme_does_not_count(guarded: World, production: World) -> None:
    enrolled = guarded.enroll_client("dpi-acacias")
    with guarded.db.write() as session:
        session.query(tables.Identite).update({"id_acteur": production.acteurs["dpi-acacias"].id})
    assert refused(guarded, enrolled.der) is Code.ACTEUR_UNKNOWN


def test_a_good_certificate_that_nobody_registered(guarded: World) -> None:
    der = issue_leaf(guarded.hierarchy, APPLICATIONS, ALL_SENDERS["dpi-acacias"].content, guarded.clock.now)
    assert refused(guarded, der) is Code.ACTEUR_UNKNOWN


def test_the_name_in_the_certificate_decides_nothing(guarded: World) -> None:
    """A certificate that names one application and is registered for another is that other one's."""
    der = issue_leaf(guarded.hierarchy, APPLICATIONS, ALL_SENDERS["dpi-acacias"].content, guarded.clock.now)
    register(guarded, "inconnu", guarded.hierarchy.authorities[APPLICATIONS], der)
    assert guarded.ra.acteurs.identify(der).acteur == guarded.acteurs["inconnu"]


def test_the_same_serial_of_another_authority_is_another_certificate(guarded: World) -> None:
    enrolled = guarded.enroll_client("dpi-acacias")
    with guarded.db.write() as session:
        session.query(tables.Identite).update({"issuer_sha256": guarded.hierarchy.authorities[CARDS].name_hash})
    assert refused(guarded, enrolled.der) is Code.ACTEUR_UNKNOWN


def test_after_renewal_the_lots_are_still_ones_own(guarded: World) -> None:
    first = guarded.enroll_client("dr-leroux")
    index = guarded.deposit(*guarded.forms(2), sender="dr-leroux").index
    guarded.run_batch()
    guarded.clock.advance(days=2)
    second = guarded.enroll_client("dr-leroux")
    before, after = guarded.ra.acteurs.identify(first.der), guarded.ra.acteurs.identify(second.der)
    assert (before.acteur, before.identite != after.identite) == (after.acteur, True)
    revoke_row(guarded, first)
    guarded.publish_crls(CARDS)
    assert refused(guarded, first.der) is Code.CERTIFICATE_REVOKED
    acteur = guarded.ra.acteurs.identify(second.der).acteur
    assert guarded.ra.lots.follow(acteur, index=index).nombre == 2
    assert guarded.ra.lots.follow(acteur, reference="lot-1").index == index


def test_rows_of_an_acteur_removed_end_his_access(guarded: World) -> None:
    enrolled = guarded.enroll_client("inconnu")
    assert guarded.ra.acteurs.identify(enrolled.der).acteur == guarded.acteurs["inconnu"]
    with guarded.db.write() as session:
        session.query(tables.Identite).delete()
    assert refused(guarded, enrolled.der) is Code.ACTEUR_UNKNOWN


def test_extensions_that_cannot_be_read(guarded: World) -> None:
    broken = x509.UnrecognizedExtension(ExtendedKeyUsageOID.CLIENT_AUTH, b"\xff")
    of_usage = x509.UnrecognizedExtension(ExtensionOID.EXTENDED_KEY_USAGE, b"\xff\xff")
    for extension in (broken, of_usage):
        der = odd_leaf(guarded.hierarchy, methodcaller("add_extension", extension, critical=True), guarded.clock.now)
        assert refused(guarded, der) is Code.CERTIFICATE_REFUSED


def test_a_request_costs_few_statements(guarded: World) -> None:
    enrolled = guarded.enroll_client("dr-leroux")
    checker = PeerChecker(guarded.db, guarded.hierarchy.authorities, Plateforme.TEST)
    checker.identify(enrolled.der, guarded.clock())
    with statements(guarded.db.engine) as sent:
        checker.identify(enrolled.der, guarded.clock())
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 1


def test_a_list_that_is_not_known_yet_is_not_read_when_the_answer_is_wanted_at_once(guarded: World) -> None:
    der = guarded.enroll_client("dr-leroux").der
    checker = PeerChecker(guarded.db, guarded.hierarchy.authorities, Plateforme.TEST)
    with pytest.raises(NotAtOnceError):
        checker.identify(der, guarded.clock(), at_once=True)
    caller = checker.identify(der, guarded.clock())
    assert checker.identify(der, guarded.clock(), at_once=True) == caller
    guarded.publish_crls(CARDS, APPLICATIONS)
    with pytest.raises(NotAtOnceError):
        checker.identify(der, guarded.clock(), at_once=True)

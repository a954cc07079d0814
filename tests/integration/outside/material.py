"""Files of every kind that the plateforme hands out, for readers that share nothing with it. No key is generated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pki.authority import Authority
from pki.containers.pkcs7 import certs_only
from pki.containers.pkcs12 import Pkcs12Form, to_pkcs12
from pki.delegates.delegated import signer_file
from pki.delegates.ocsp_signer import RESPONDER
from pki.issuing.crl import CrlEntry, CrlForm, build_crl
from pki.issuing.issuance import issue, lint, prepare
from pki.status.ocsp_request import read_request
from pki.status.ocsp_response import CertStatus, Good, Revoked, SingleAnswer, Unknown, build_response
from pki.status.reasons import RevocationReason
from tests.support.damage import flipped
from tests.unit.pki.ocsp_support import make_request, make_responder
from tests.vectors.keys import key
from tests.vectors.samples import SERIAL, SHAPES, KeySigner, make_issuing, make_root, spki

PASSWORD = "a plain password"
PASSPHRASE = b"phrase des repondeurs de test"
# Of the leafs, by name: one in force, one revoked, one that the publication never heard of, one with a wrong signature.
GOOD, REVOKED, UNHEARD, BROKEN = "ps-auth", "ps-sign", "org-sign", "broken"
REASON = RevocationReason.SUPERSEDED

BASE, NUMBER = 42, 43

# Kinds of CRL: what they list, and what they say of themselves.
ALL, NONE, REMOVAL = "all", "none", "removal"
CRLS: dict[str, tuple[str, CrlForm]] = {
    "full": (ALL, CrlForm(freshest=True)),
    "full-empty": (NONE, CrlForm()),
    "full-issuing-point": (ALL, CrlForm(freshest=True, issuing_point=True)),
    "delta": (ALL, CrlForm(base=BASE)),
    "delta-empty": (NONE, CrlForm(base=BASE)),
    "delta-from-itself": (NONE, CrlForm(base=NUMBER)),
    "delta-removal": (REMOVAL, CrlForm(base=BASE)),
    "delta-issuing-point": (ALL, CrlForm(base=BASE, issuing_point=True)),
}


@dataclass(frozen=True, repr=False)
class Material:
    """Where the files are: ``name.der`` and ``name.pem`` of certificates, ``crl-kind.der`` and ``.pem``,
    ``ocsp-status.der``, ``chain.p7b``, ``form.p12``."""

    folder: Path
    root: Authority
    issuing: Authority
    leafs: dict[str, x509.Certificate]
    revoked_at: datetime

    @property
    def authorities(self) -> dict[str, Authority]:
        return {authority.short_name: authority for authority in (self.root, self.issuing)}

    @property
    def chain(self) -> list[x509.Certificate]:
        """What ``chain.p7b`` holds, in this order."""
        return [self.leafs[GOOD], self.issuing.certificate, self.root.certificate]

    def entries(self, kind: str) -> dict[int, RevocationReason]:
        """What a list says: the revoked leaf, and a serial for each other reason; or the leaf taken out again."""
        leaf, listed = self.leafs[REVOKED].serial_number, CRLS[kind][0]
        if listed == ALL:
            others = set(RevocationReason) - {REASON, RevocationReason.REMOVE_FROM_CRL}
            return {leaf: REASON, **{SERIAL + 1000 + one: one for one in others}}
        return {leaf: RevocationReason.REMOVE_FROM_CRL} if listed == REMOVAL else {}


def make_material(folder: Path) -> Material:
    """Write everything, dated now, so that readers without a clock of their own agree."""
    now = datetime.now(UTC).replace(microsecond=0)
    root, issuing = make_root(), make_issuing()
    signer = KeySigner(issuing.short_name, key("issuing"))
    leafs = {}
    for rank, (name, content) in enumerate(SHAPES.items()):
        prepared = prepare(issuing, content, spki(), SERIAL + rank, now - timedelta(hours=2))
        leafs[name] = x509.load_der_x509_certificate(issue(lint(prepared, issuing), signer).der)
    made = Material(folder, root, issuing, leafs, now - timedelta(hours=1))
    written = {**leafs, "issuing": issuing.certificate, "root": root.certificate, BROKEN: _broken(leafs[GOOD])}
    for name, certificate in written.items():
        (folder / f"{name}.der").write_bytes(certificate.public_bytes(Encoding.DER))
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    _write_crls(made, signer, now)
    _write_answers(made, now)
    _write_containers(made)
    return made


def _broken(leaf: x509.Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(flipped(leaf.public_bytes(Encoding.DER)))


def _write_crls(made: Material, signer: KeySigner, now: datetime) -> None:
    for kind, (_, form) in CRLS.items():
        number = BASE if form.base is None else NUMBER
        entries = [CrlEntry(serial, made.revoked_at, reason) for serial, reason in made.entries(kind).items()]
        data = build_crl(made.issuing, signer, entries, number, now, now + timedelta(days=3), form)
        (made.folder / f"crl-{kind}.der").write_bytes(data)
        pem = x509.load_der_x509_crl(data).public_bytes(Encoding.PEM)
        (made.folder / f"crl-{kind}.pem").write_bytes(pem)


def _write_answers(made: Material, now: datetime) -> None:
    responder = make_responder(made.issuing, now=now - timedelta(hours=1))
    file = signer_file(RESPONDER, made.folder, made.issuing.short_name)
    encryption = BestAvailableEncryption(PASSPHRASE)
    file.touch(mode=0o600)
    file.write_bytes(
        responder.certificate.public_bytes(Encoding.PEM)
        + responder.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    )
    statuses: dict[str, tuple[str, CertStatus]] = {
        "good": (GOOD, Good()),
        "revoked": (REVOKED, Revoked(made.revoked_at, REASON)),
        "unknown": (GOOD, Unknown()),
    }
    for name, (leaf, status) in statuses.items():
        (cert_id,) = read_request(make_request(made.issuing, made.leafs[leaf].serial_number)).cert_ids
        data = build_response(responder, [SingleAnswer(cert_id, status)], now, now, now + timedelta(hours=1))
        (made.folder / f"ocsp-{name}.der").write_bytes(data)


def _write_containers(made: Material) -> None:
    leaf = made.leafs[GOOD].public_bytes(Encoding.DER)
    private: rsa.RSAPrivateKey = key("leaf")
    (made.folder / "chain.p7b").write_bytes(certs_only(leaf, made.issuing.chain))
    for form in Pkcs12Form:
        data = to_pkcs12(private, leaf, made.issuing.chain, PASSWORD, friendly_name="appli", form=form)
        (made.folder / f"{form.value}.p12").write_bytes(data)
    # The key store of who made the key, before the reply came. The old form opens quickly.
    alone = to_pkcs12(private, leaf, (), PASSWORD, friendly_name="appli", form=Pkcs12Form.LEGACY)
    (made.folder / "alone.p12").write_bytes(alone)
    (made.folder / "password").write_text(PASSWORD + "\n")

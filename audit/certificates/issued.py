"""Every certificate in the database: its row, its bytes, its authority, its profile, its demande."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit.certificates.profiles import form_faults, helper_faults
from audit.certificates.statements import product_of, read_statement, statement_faults
from audit.context import Audit
from audit.expected import FORMS, HELPERS
from audit.findings import Topic
from audit.reading.asn1 import DerError
from audit.reading.authorities import Authorities, Authority
from audit.reading.certificate import UNREADABLE, Certificate, read_certificate
from audit.reading.rows import Issued, count, issued_pages, issued_since
from audit.trail.operators.rights import Identity, recognised

_SHA256_WITH_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")  # AlgorithmIdentifier (RFC 4055 §5)
_SERIAL_OCTETS = range(8, 21)
_REASONS = {
    None, "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation",
    "privilegeWithdrawn",
}  # fmt: skip
_UNKNOWN = "INCONNU"
_OF_APPLICATIONS = "ORG_AUTH_CLI"
# Only what was given up returns its key.
_RETURNED = "NON_TRAITEE"
_NEVER_SIGNED = {"NON_TRAITEE", "ANNULEE", "REJETEE"}
# A signature follows its preparation within seconds; a responder's certificate begins ten minutes before.
_PATIENCE = timedelta(minutes=30)
_CLOCKS = timedelta(minutes=5)


def check_certificates(audit: Audit) -> None:
    """Look at every certificate of the scope, signed or only prepared."""
    since = audit.scope.since
    audit.meter.start("Certificats", count(audit.db, *issued_since(since)))
    registered = recognised(audit)
    for page in issued_pages(audit.db, since):
        now = audit.clock()
        for issued in page:
            for text in faults(issued, audit.authorities, registered, now):
                audit.report.add(Topic.CERTIFICATE, issued.subject, text)
        audit.report.checked["certificats"] += len(page)
        audit.meter.advance(len(page))


def faults(issued: Issued, authorities: Authorities, registered: Container[Identity], now: datetime) -> Iterator[str]:
    """Everything that is wrong with one certificate; ``registered`` are those of acteurs, as the trail says."""
    row = issued.row
    yield from _row_faults(row, now)
    if row.der is None:
        yield from _intent_faults(issued, now)
        return
    authority = authorities.get(row.autorite)
    if authority is None:
        yield "autorité inconnue de l'index"
        return
    try:
        certificate = read_certificate(bytes(row.der))
    except DerError as error:
        yield f"certificat illisible : {error}"
        return
    found = [
        *_identity_faults(row, certificate),
        *_signature_faults(certificate, authority, authorities),
        *_profile_faults(issued, certificate, authority),
        *_demande_faults(issued, certificate, authority, registered),
    ]
    yield from found
    if not found:
        yield from _library_faults(bytes(row.der))


def _row_faults(row: Any, now: datetime) -> Iterator[str]:  # noqa: ANN401 -- a row
    if (row.der is None) != (row.emis_le is None):
        yield "la date d'émission et le certificat ne vont pas ensemble"
    if row.der is not None and row.tbs is not None:
        yield "le contenu à signer est encore là à côté du certificat"
    if (row.retire_le is None) != (row.id_code_revocation is None):
        yield "la date de retrait et le code de révocation ne vont pas ensemble"
    if row.revoque_le is None and (row.raison_crl, row.raison_modifiee_le) != (None, None):
        yield "une raison de révocation sans révocation"
    if None not in (row.revoque_le, row.emis_le) and row.revoque_le < row.emis_le - _CLOCKS:
        yield "révoqué avant d'être émis"
    if row.raison_crl not in _REASONS:
        yield "raison de révocation inconnue"
    if row.revoque_le is not None and row.revoque_le > now + _CLOCKS:
        yield "révocation datée dans le futur"
    if row.emis_le is not None and not row.not_before - _CLOCKS <= row.emis_le <= now + _CLOCKS:
        yield "date d'émission avant le début de validité ou dans le futur"


def _intent_faults(issued: Issued, now: datetime) -> Iterator[str]:
    row, demande = issued.row, issued.demande
    if row.produit == _UNKNOWN and row.revoque_le is not None and row.id_demande is None and row.tbs is None:
        return  # known by a published list alone, since the database was restored; the trail tells the revocation
    if row.tbs is None:
        yield "ni certificat, ni contenu à signer"
    elif row.not_before + _PATIENCE < now and (demande is None or demande.etat not in _NEVER_SIGNED):
        yield "contenu préparé et jamais signé"


def _identity_faults(row: Any, certificate: Certificate) -> Iterator[str]:  # noqa: ANN401 -- a Row
    if row.serial != f"{certificate.serial:032x}":
        yield "le numéro de série du certificat n'est pas celui de la ligne"
    if certificate.serial <= 0 or certificate.serial_octets not in _SERIAL_OCTETS:
        yield "le numéro de série n'est pas un nombre positif de 8 à 20 octets"
    if (certificate.not_before, certificate.not_after) != (row.not_before, row.not_after):
        yield "les dates de validité du certificat ne sont pas celles de la ligne"
    if row.spki_sha256 is None or bytes(row.spki_sha256) != hashlib.sha256(certificate.spki).digest():
        yield "la clé du certificat n'est pas celle de la ligne"


def _signature_faults(certificate: Certificate, authority: Authority, authorities: Authorities) -> Iterator[str]:
    if not certificate.inner_algorithm == certificate.algorithm == _SHA256_WITH_RSA:
        yield "l'algorithme de signature n'est pas sha256WithRSAEncryption"
    if certificate.issuer != authority.certificate.subject_raw:
        yield "l'émetteur nommé n'est pas l'autorité de la ligne"
    if not authority.has_signed(certificate.tbs, certificate.signature):
        others = [one for one in authorities.values() if one.has_signed(certificate.tbs, certificate.signature)]
        yield f"signé par {others[0].short_name}" if others else "la signature n'est d'aucune autorité connue"
    limits = authority.certificate
    if not limits.not_before <= certificate.not_before < certificate.not_after <= limits.not_after:
        yield "la validité sort de celle de l'autorité"


def _profile_faults(issued: Issued, certificate: Certificate, authority: Authority) -> Iterator[str]:
    product = issued.row.produit
    form = FORMS.get(product)
    if product in HELPERS:
        yield from helper_faults(product, certificate, authority)
    elif form is None:
        yield "produit inconnu"
    else:
        if product not in authority.products:
            yield "l'autorité n'émet pas ce produit"
        statement = read_statement(issued.demande) if issued.demande is not None else None
        yield from form_faults(form, certificate, authority, statement)


def _is_first(row: Any, authority: Authority, registered: Container[Identity]) -> bool:  # noqa: ANN401 -- a Row
    """The first certificate of an application: made by an operator, who registered it, for it could ask for none."""
    issuer = hashlib.sha256(authority.certificate.subject_raw).hexdigest()
    return row.produit == _OF_APPLICATIONS and (issuer, row.serial) in registered


def _demande_faults(
    issued: Issued, certificate: Certificate, authority: Authority, registered: Container[Identity]
) -> Iterator[str]:
    row, demande, cle = issued.row, issued.demande, issued.cle
    form = FORMS.get(row.produit)
    if demande is None:
        if row.id_demande is not None:
            yield "sa demande n'existe pas"
        elif (
            form is not None and form.asked_for and not authority.is_test and not _is_first(row, authority, registered)
        ):
            yield "un produit du catalogue sans demande, sur la plateforme de production"
        return
    if product_of(demande) != row.produit:
        yield "le produit de la ligne n'est pas celui de la demande"
    if (demande.plateforme == "TEST") != authority.is_test:
        yield "l'autorité n'est pas de la plateforme de la demande"
    statement = read_statement(demande)
    if statement is None:
        yield "le contenu validé de la demande manque ou est illisible"
    else:
        yield from statement_faults(demande, statement)
    if cle is not None:
        yield from _key_faults(cle, certificate)
    if cle is None and demande.etat != _RETURNED:
        yield "la clé certifiée n'est plus retenue : elle pourrait être présentée à nouveau"
    elif cle is not None and (cle.plateforme == "TEST") != authority.is_test:
        yield "la clé présentée est retenue pour une autre plateforme que celle de l'autorité"


def _key_faults(cle: Any, certificate: Certificate) -> Iterator[str]:  # noqa: ANN401 -- a row
    """The key that was presented, and the proof that its owner had the private half."""
    spki = bytes(cle.spki)
    if spki != certificate.spki:
        yield "la clé certifiée n'est pas celle présentée dans la demande"
    if hashlib.sha256(spki).digest() != bytes(cle.spki_sha256):
        yield "l'empreinte de la clé présentée n'est pas la sienne"
    try:
        csr = x509.load_der_x509_csr(bytes(cle.csr))
        proven = csr.is_signature_valid and _spki_of(csr) == spki
    except UNREADABLE:
        proven = False
    if not proven:
        yield "la CSR conservée ne prouve pas la possession de la clé présentée"


def _spki_of(csr: x509.CertificateSigningRequest) -> bytes:
    return csr.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _library_faults(der: bytes) -> Iterator[str]:
    """What relying parties read it with must not refuse it either."""
    try:
        x509.load_der_x509_certificate(der)
    except UNREADABLE:
        yield "une bibliothèque ordinaire refuse de le lire"

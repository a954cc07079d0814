"""The office of the audit seal: a key that signs checkpoints of the audit trail, and what such a checkpoint says.

Its certificate can be checked like any other (CRL, OCSP), for checkpoints are read years later.
"""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.authority import Authority
from pki.certificates.extensions import distribution_points
from pki.delegates.delegated import ExtensionList, Office

_FORM = "igc-scellement-1"


def _particular(authority: Authority) -> ExtensionList:
    settings = authority.settings
    found: ExtensionList = [(x509.ExtendedKeyUsage([x509.ObjectIdentifier(settings.seal_key_usage_oid)]), False)]
    if points := distribution_points(authority, settings.crl_url, settings.crl_ldap_url):
        found.append((x509.CRLDistributionPoints(points), False))
    descriptions = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(authority.url(template)))
        for method, template in (
            (AuthorityInformationAccessOID.OCSP, settings.ocsp_url),
            (AuthorityInformationAccessOID.CA_ISSUERS, settings.ca_issuers_url),
        )
        if template
    ]
    if descriptions:
        found.append((x509.AuthorityInformationAccess(descriptions), False))
    return found


SEAL = Office(product="AUDIT_SEAL", prefix="SCELLEMENT ", suffix_of_file="scellement", particular=_particular)


def checkpoint_text(number: int, digest: bytes, moment: datetime) -> bytes:
    """Return what the seal signs: four lines, of which the first names the form, so that nothing else can pass for it.

    `number` is that of the last line covered, `digest` the SHA-256 that this line bears, `moment` aware.
    """
    date = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{_FORM}\n{number}\n{digest.hex()}\n{date}\n".encode()

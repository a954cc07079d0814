"""Certificates of the authorities themselves: roots and issuing CAs, signed only in a ceremony."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from pki.authority import Authority
from pki.certificates.extensions import distribution_points
from pki.certificates.profiles import ProfileSettings

_ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaName:
    """The parts of an authority's name in encoding order C, O, OU (identifier), OU (infrastructure), CN."""

    country: str
    organization: str
    identifier: str
    infrastructure: str
    common_name: str

    def to_x509(self) -> x509.Name:
        """Return the distinguished name: country as PrintableString, the rest as UTF8String."""
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, self.country),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, self.identifier),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, self.infrastructure),
                x509.NameAttribute(NameOID.COMMON_NAME, self.common_name),
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaTerm:
    """What is particular to one certificate: its serial, and its validity, aware UTC."""

    serial: int
    not_before: datetime
    not_after: datetime


def build_root(
    name: CaName,
    key: rsa.RSAPrivateKey,
    term: CaTerm,
    settings: ProfileSettings,
) -> x509.Certificate:
    """Return a self-signed root: no path length, no distribution point."""
    public = key.public_key()
    builder = _builder(name.to_x509(), name.to_x509(), public, term)
    builder = _extend(builder, x509.BasicConstraints(ca=True, path_length=None), settings, [])
    return _identify(builder, public, public).sign(key, SHA256())


def build_issuing(
    name: CaName,
    public: rsa.RSAPublicKey,
    root: Authority,
    root_key: rsa.RSAPrivateKey,
    term: CaTerm,
) -> x509.Certificate:
    """Return the certificate of an issuing CA: path length 0, the root's CRL as distribution points."""
    settings = root.settings
    points = distribution_points(root, settings.crl_url, settings.crl_ldap_url)
    builder = _builder(name.to_x509(), root.certificate.subject, public, term)
    builder = _extend(builder, x509.BasicConstraints(ca=True, path_length=0), settings, points)
    return _identify(builder, public, root.public_key).sign(root_key, SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: rsa.RSAPublicKey,
    term: CaTerm,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(term.serial)
        .not_valid_before(term.not_before)
        .not_valid_after(term.not_after)
    )


def _extend(
    builder: x509.CertificateBuilder,
    constraints: x509.BasicConstraints,
    settings: ProfileSettings,
    points: list[x509.DistributionPoint],
) -> x509.CertificateBuilder:
    policy = x509.PolicyInformation(_ANY_POLICY, [settings.cps_uri])
    builder = builder.add_extension(constraints, critical=True)
    builder = builder.add_extension(_SIGNS_CERTIFICATES, critical=True)
    builder = builder.add_extension(x509.CertificatePolicies([policy]), critical=False)
    if points:
        builder = builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
    return builder


def _identify(
    builder: x509.CertificateBuilder,
    public: rsa.RSAPublicKey,
    issuer_public: rsa.RSAPublicKey,
) -> x509.CertificateBuilder:
    """Add the key identifiers: SHA-1 of the BIT STRING content (RFC 5280 §4.2.1.2 (1)), also in roots."""
    own = x509.SubjectKeyIdentifier.from_public_key(public)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public)
    return builder.add_extension(own, critical=False).add_extension(above, critical=False)

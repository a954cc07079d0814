"""One fictitious hierarchy and one content per product and shape, shared by the vectors and the tests."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.authority import Authority
from pki.ceremony.ca_certificates import CaName, CaTerm, build_issuing, build_root
from pki.ceremony.configuration import default_settings
from pki.certificates.content import CertificateContent
from pki.certificates.profiles import PRODUCTS, ProfileSettings
from tests.vectors.keys import key

CA_FROM = datetime(2026, 1, 1, tzinfo=UTC)
CA_UNTIL = datetime(2046, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 17, 33, 19, tzinfo=UTC)
SERIAL = 0x49AA34C0DE5EED1E5501DEAD0BAD8FEF


@dataclass(frozen=True)
class KeySigner:
    """A Signer over a plain key, for tests."""

    authority: str
    key: rsa.RSAPrivateKey

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        return self.key.public_key()

    def sign(self, tbs: bytes) -> bytes:
        return self.key.sign(tbs, PKCS1v15(), SHA256())


def spki(label: str = "leaf") -> bytes:
    """Return the DER SubjectPublicKeyInfo of a test key."""
    return key(label).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _name(common_name: str) -> CaName:
    return CaName(
        country="FR",
        organization="IGC EXEMPLE",
        identifier="0002 000000000",
        infrastructure="IGC-EXEMPLE TEST",
        common_name=common_name,
    )


def make_root(settings: ProfileSettings | None = None) -> Authority:
    """Return the root of the test hierarchy."""
    settings = settings or default_settings("TEST")
    term = CaTerm(serial=SERIAL - 2, not_before=CA_FROM, not_after=CA_UNTIL)
    certificate = build_root(_name("TEST AC RACINE IGC EXEMPLE ELEMENTAIRE"), key("root"), term, settings)
    return Authority(
        short_name="ACR-EL-TEST",
        certificate=certificate,
        chain=(certificate.public_bytes(Encoding.DER),),
        products=frozenset(),
        settings=settings,
    )


def make_issuing(
    settings: ProfileSettings | None = None,
    *,
    label: str = "issuing",
    short_name: str = "ACI-EL-TEST",
    until: datetime = datetime(2045, 12, 31, tzinfo=UTC),
) -> Authority:
    """Return an issuing CA for every product; a second label makes a second key under the same name."""
    root = make_root(settings)
    term = CaTerm(serial=SERIAL - 1, not_before=CA_FROM, not_after=until)
    name = _name("TEST AC IGC EXEMPLE ELEMENTAIRE")
    certificate = build_issuing(name, key(label).public_key(), root, key("root"), term)
    return Authority(
        short_name=short_name,
        certificate=certificate,
        chain=(certificate.public_bytes(Encoding.DER), *root.chain),
        products=frozenset(PRODUCTS),
        settings=root.settings,
    )


_STRUCTURE = {"state": "Paris (75)", "organization": "HOPITAL DE L'EXEMPLE", "organizational_unit": "10B0039137"}
_PERSON = {
    "common_name": "899700027131",
    "surname": "EXEMPLE0082713",
    "given_name": "CAMILLE",
    "title": "Médecin",
    "profession": 10,
}
_NURSE = _PERSON | {"title": "Infirmier", "profession": 60, "surname": "NOM", "given_name": "ANNE-SOPHIE MARGUERITE"}
_MAIL = {"email": "secretariat@hopital.example"}
_LONG = {"organization": "CENTRE HOSPITALIER UNIVERSITAIRE ET REGIONAL DE L'EXEMPLE ET DES ENVIRONS"}
_STAFF = _STRUCTURE | _PERSON | {"specialities": ("SM42",)}


def _content(product: str, **values: Any) -> CertificateContent:
    return CertificateContent(product=product, **values)


SHAPES = {
    "org-auth-cli": _content("ORG_AUTH_CLI", common_name="service applicatif", **_STRUCTURE),
    "org-auth-cli.accents": _content(
        "ORG_AUTH_CLI",
        common_name="Données de santé ; été n° 2",
        **(_STRUCTURE | {"state": "Côte-d'Or (21)"}),
    ),
    "org-auth-cli.long-organization": _content("ORG_AUTH_CLI", common_name="appli", **(_STRUCTURE | _LONG)),
    # 64 characters are 128 octets here: the bound of RFC 5280 counts characters.
    "org-auth-cli.common-name-64": _content("ORG_AUTH_CLI", common_name="é" * 64, **_STRUCTURE),
    "org-sign": _content("ORG_SIGN", common_name="cachet", **_STRUCTURE),
    "org-conf": _content("ORG_CONF", common_name="chiffrement", **_STRUCTURE),
    "serv-ssl-serv": _content(
        "SERV_SSL_SERV",
        common_name="www.hopital.example",
        dns_names=("www.hopital.example",),
        **_STRUCTURE,
    ),
    "serv-ssl-serv.five-names": _content(
        "SERV_SSL_SERV",
        common_name="a.hopital.example",
        dns_names=(*(f"{letter}.hopital.example" for letter in "abcd"), "xn--bb-eka.hopital.example"),
        **_STRUCTURE,
    ),
    "serv-sign": _content("SERV_SIGN", common_name="serveur", **_STRUCTURE, **_MAIL),
    "serv-smime": _content("SERV_SMIME", common_name="serveur", **_STRUCTURE, **_MAIL),
    "serv-conf": _content("SERV_CONF", common_name="serveur", **_STRUCTURE, **_MAIL),
    "ps-auth": _content("PS_AUTH", **_PERSON),
    "ps-auth.upn": _content("PS_AUTH", upn="camille@hopital.example", **_PERSON),
    "ps-sign": _content("PS_SIGN", **_PERSON),
    "ps-sign.email": _content("PS_SIGN", **_PERSON, **_MAIL),
    "ps-conf": _content("PS_CONF", **_PERSON, **_MAIL),
    "ps-auth.training": _content("PS_AUTH", **(_PERSON | {"profession": None, "training": 10})),
    "ps-auth.pharmacist": _content(
        "PS_AUTH",
        pharmacist_table="A",
        **(_PERSON | {"title": "Pharmacien", "profession": 21}),
    ),
    # The order inside the multi-valued RDN follows the lengths of the values.
    "pro-auth.other-set-order": _content("PRO_AUTH", **_STRUCTURE, **_NURSE),
    "pro-auth": _content("PRO_AUTH", upn="camille@hopital.example", **_STAFF),
    "pro-sign": _content("PRO_SIGN", **_STAFF, **_MAIL),
    "pro-conf": _content("PRO_CONF", **_STAFF),
    "cps-auth": _content("CPS_AUTH", upn="8.99700027131@carte.example", card_number="0000000001/0000000042", **_PERSON),
    "cpe-auth": _content(
        "CPE_AUTH",
        common_name="310B0039137/CPET00002",
        surname="EXEMPLE",
        given_name="DOMINIQUE",
        title="Personnel santé ou social",
        upn="10B0039137/CPET00002@carte.example",
        **_STRUCTURE,
    ),
    "cpf-auth": _content(
        "CPF_AUTH",
        upn="8.99700027149@carte.example",
        card_number="0000000001/0000000043",
        **(_PERSON | {"common_name": "899700027149", "profession": None, "training": 10}),
    ),
    "cpa-auth": _content(
        "CPA_AUTH",
        common_name="310B0039137/CPAT00003",
        surname="EXEMPLE",
        given_name="CLAUDE",
        title="Directeur d'établissement",
        upn="310B0039137/CPAT00003@carte.example",
        **_STRUCTURE,
    ),
    "tls-server": _content(
        "TLS_SERVER",
        common_name="ws.igc.example",
        dns_names=("ws.igc.example", "portail.igc.example"),
        ip_addresses=("127.0.0.1", "::1"),
        **_STRUCTURE,
    ),
}

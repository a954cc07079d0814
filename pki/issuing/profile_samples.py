"""One fictitious content for the least and the most that each product may say, and a hash over what becomes of them."""

import hashlib
from collections.abc import Iterator

from pki.authority import Authority
from pki.certificates.content import CertificateContent
from pki.certificates.profiles import PRODUCTS, Profile, San
from pki.issuing.issuance import prepare

SAMPLE_SERIAL = 0x4A0F_5EED_C0DE_5EED_1E55_0001
# A SubjectPublicKeyInfo that nobody has the key of: it only has to be the same each time.
_FIXED_SPKI = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100") + (
    b"\xc5" * 256 + bytes.fromhex("0203010001")
)
_TEXTS = {
    "state": "Côte-d'Or (21)",
    "organization": "ETABLISSEMENT DE L'EXEMPLE AVEC UN NOM PLUS LONG QUE LE CERTIFICAT",
    "organizational_unit": "10B0000000",
    "title": "Médecin",
    "surname": "EXEMPLE",
    "given_name": "CAMILLE",
}
_HOST = "www.exemple.example"


def samples(profile: Profile) -> Iterator[CertificateContent]:
    """Yield the least and the most that a certificate of the profile may say."""
    values: dict[str, object] = {field: _TEXTS[field] for field in profile.subject_fields & _TEXTS.keys()}
    san = profile.san
    names: dict[str, object] = {}
    if san in {San.DNS, San.SERVER}:
        names = {"dns_names": (_HOST, *(f"h{number}.exemple.example" for number in range(4)))}
    elif san in {San.EMAIL, San.EMAIL_OPTIONAL}:
        names = {"email": "service@exemple.example"}
    elif san in {San.UPN, San.UPN_OPTIONAL}:
        names = {"upn": "camille@exemple.example"}
    values["common_name"] = _HOST if san in {San.DNS, San.SERVER} else "899700000000"
    private: dict[str, object] = {}
    if profile.person:
        private = {"profession": 21, "specialities": ("SM42", "SM26"), "pharmacist_table": "A"}
    if profile.card_type is not None:
        private["card_number"] = "0000000001/0000000042"
    if san in {San.NONE, San.EMAIL_OPTIONAL, San.UPN_OPTIONAL}:
        yield CertificateContent(product=profile.product, **values)  # type: ignore[arg-type]  # by field name
    yield CertificateContent(product=profile.product, **values, **names, **private)  # type: ignore[arg-type]  # fields chosen by name


def fingerprint(authority: Authority) -> str:
    """Return a hash over the bytes of every sample: the same as long as nothing changed that the check could find."""
    digest = hashlib.sha256(authority.certificate_der)
    for product in sorted(authority.products):
        for content in samples(PRODUCTS[product]):
            digest.update(prepare(authority, content, _FIXED_SPKI, SAMPLE_SERIAL, authority.not_before).tbs)
    return digest.hexdigest()

"""Of whom a client certificate is, where an authority of persons or cards says so: read in one form, or not at all.

The forms are those of the cards (CPS, CPF, CPE and CDE, CPA and CDA) and of the authentication products of persons. The
national id is the common name, and only such an authority certifies it: what any other certificate names is nobody.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.profiles import CARD_PRODUCTS, PERSON_PRODUCTS, PRODUCTS, SMARTCARD_LOGON, Profile
from pki.certificates.reading import UNREADABLE
from pki.certificates.tbs import RawExtension, read_tbs
from pki.errors import LintError

_CARDS = tuple(PRODUCTS[product] for product in CARD_PRODUCTS)
_SOFTWARE = tuple(PRODUCTS[product] for product in PERSON_PRODUCTS if product.endswith("_AUTH"))
_NAMES = {
    "common_name": NameOID.COMMON_NAME,
    "surname": NameOID.SURNAME,
    "given_name": NameOID.GIVEN_NAME,
}
_HELD = {der.object_identifier(oid.dotted_string): field for field, oid in _NAMES.items()}
# What a card may say beside: each once, in an RDN of its own.
_BESIDE = frozenset(
    der.object_identifier(oid.dotted_string)
    for oid in (
        NameOID.COUNTRY_NAME,
        NameOID.STATE_OR_PROVINCE_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATIONAL_UNIT_NAME,
        NameOID.TITLE,
    )
)
_UNIT = der.object_identifier(NameOID.ORGANIZATIONAL_UNIT_NAME.dotted_string)
_DIRECTORY_STRINGS = frozenset({der.UTF8_STRING, der.PRINTABLE_STRING})
_PURPOSES = {ExtendedKeyUsageOID.CLIENT_AUTH, x509.ObjectIdentifier(SMARTCARD_LOGON)}


class Holder(NamedTuple):
    """Who holds the key, as his authority certifies it; ``product`` is the form, which names the family of a card."""

    product: str
    common_name: str
    surname: str
    given_name: str

    @property
    def is_card(self) -> bool:
        """Whether the key is in a card, and not in a file that somebody may have made for him."""
        return self.product in CARD_PRODUCTS


def certifies_cards(authority: Authority) -> bool:
    """Return whether the hierarchy marks this as an authority of cards: it may issue cards and nothing else."""
    return bool(authority.products) and authority.products <= frozenset(CARD_PRODUCTS)


def read_holder(authority: Authority, certificate: x509.Certificate) -> Holder | None:
    """Return of whom this certificate of `authority` is; None unless it has the form of one of its cards or products.

    Wanted: exactly one common name, surname and given name, in one RDN and as UTF8String or PrintableString; the
    category and the type of card that the form has; no other purpose than to sign in. The issuer's signature, dates
    and revocation are the caller's to check, and what a national id may look like.
    """
    try:
        fields = read_tbs(certificate.tbs_certificate_bytes)
        names, beside = _subject(fields.subject)
        private = _private(authority, fields.extensions)
        profile = _form(authority, private, in_structure=_UNIT in beside)
        if profile is None or not _signs_in_only(certificate):
            return None
    except (IndexError, LintError, *UNREADABLE):
        return None
    return Holder(profile.product, **names)


def _form(authority: Authority, private: dict[str, bytes], *, in_structure: bool) -> Profile | None:
    settings = authority.settings
    if certifies_cards(authority):
        category, forms = settings.card_category, _CARDS
    else:
        category, forms = settings.category, _SOFTWARE
    if private.get("category") != der.octet_string(bytes((category,))):
        return None
    for profile in forms:
        marked = None if profile.card_type is None else der.integer(profile.card_type)
        if (
            profile.product in authority.products
            and private.get("card_type") == marked
            and ("organizational_unit" in profile.subject_fields) is in_structure
        ):
            return profile
    return None


def _private(authority: Authority, extensions: tuple[RawExtension, ...]) -> dict[str, bytes]:
    oids = authority.settings.private_oids
    wanted = {der.object_identifier(getattr(oids, name))[2:]: name for name in ("category", "card_type")}
    found = [(wanted[one.oid], one.value) for one in extensions if one.oid in wanted]
    if len(dict(found)) != len(found):
        raise der.DerError
    return dict(found)


def _subject(name: bytes) -> tuple[dict[str, str], frozenset[bytes]]:
    """Give the names of the holder, and which attributes stand beside them; DerError for any other form."""
    held: dict[str, str] | None = None
    beside: list[bytes] = []
    for attributes in _rdns(name):
        if len(attributes) == 1 and attributes[0][0] in _BESIDE:
            beside.append(attributes[0][0])
        elif held is None and sorted(oid for oid, _ in attributes) == sorted(_HELD):
            held = {_HELD[oid]: value for oid, value in attributes}
        else:
            raise der.DerError
    if held is None or len(set(beside)) != len(beside):
        raise der.DerError
    return held, frozenset(beside)


def _rdns(name: bytes) -> Iterator[list[tuple[bytes, str]]]:
    for tag, _, start, end in der.children(name, *der.sole(name, der.SEQUENCE)):
        if tag != der.SET:
            raise der.DerError
        yield [_attribute(name[at:stop]) for _, at, _, stop in der.children(name, start, end)]


def _attribute(element: bytes) -> tuple[bytes, str]:
    (oid_tag, at, _, stop), (tag, _, start, end) = der.children(element, *der.sole(element, der.SEQUENCE))
    if oid_tag != der.OBJECT_IDENTIFIER or tag not in _DIRECTORY_STRINGS:
        raise der.DerError
    return element[at:stop], element[start:end].decode()


def _signs_in_only(certificate: x509.Certificate) -> bool:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    extended = certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    if not isinstance(extended, x509.ExtendedKeyUsage):
        return False
    others = usage.content_commitment or usage.key_encipherment or usage.data_encipherment or usage.key_agreement
    return (
        usage.digital_signature
        and not others
        and ExtendedKeyUsageOID.CLIENT_AUTH in extended
        and (set(extended) <= _PURPOSES)
    )

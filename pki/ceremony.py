"""The key ceremony: one configuration makes a hierarchy, its keys, its files and a protocol of what was done.

One root and three issuing CAs (PERSONNES, ORGANISATIONS, cards) for one plateforme. Nothing is ever overwritten.
"""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import INDEX_NAME, Authority, AuthorityEntry, AuthorityIndex, load_authorities
from pki.ca_certificates import CaName, CaValidity, build_issuing, build_root
from pki.errors import CeremonyError
from pki.key_policy import RSA_EXPONENT
from pki.pkcs7 import certs_only
from pki.profiles import (
    CARD_CATEGORY_PRODUCTION,
    CARD_CATEGORY_TEST,
    CARD_PRODUCTS,
    CATEGORY_PRODUCTION,
    CATEGORY_TEST,
    ORGANISATION_PRODUCTS,
    PERSON_PRODUCTS,
    ProfileSettings,
)
from pki.secret_files import write_new, write_private_key

PROTOCOL_NAME = "ceremony.jsonl"
_MIN_PASSPHRASE = 12


class CeremonyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The only input of a ceremony; unknown keys are refused. Absent keys mean the fictitious defaults.

    `settings` holds profile settings that differ from the defaults of the plateforme, by name.
    """

    plateforme: Literal["TEST", "PRODUCTION"]
    country: str = "FR"
    organization: str = "IGC EXEMPLE"
    identifier: str = "0002 000000000"
    infrastructure: str = "IGC-EXEMPLE"
    key_bits: int = 4096
    validity_years: int = 20
    settings: ProfileSettings | None = None


class _Kind(NamedTuple):
    short_name: str
    common_name: str
    products: tuple[str, ...]


_ROOT = _Kind("ACR-EL", "AC RACINE IGC EXEMPLE ELEMENTAIRE", ())
_ISSUING = (
    _Kind("ACI-EL-PP", "AC IGC EXEMPLE ELEMENTAIRE PERSONNES", PERSON_PRODUCTS),
    _Kind("ACI-EL-ORG", "AC IGC EXEMPLE ELEMENTAIRE ORGANISATIONS", ORGANISATION_PRODUCTS),
    _Kind("ACI-CARTES", "AC IGC EXEMPLE CARTES PERSONNES", CARD_PRODUCTS),
)


def read_config(text: str) -> CeremonyConfig:
    """Return the configuration of a TOML text; CeremonyError names what is wrong in it."""
    try:
        return msgspec.toml.decode(text, type=CeremonyConfig)
    except msgspec.MsgspecError as error:
        raise CeremonyError(f"configuration: {error}") from None


def default_settings(plateforme: str) -> ProfileSettings:
    """Return the profile settings of a plateforme with our fictitious names: categories and CPS differ."""
    if plateforme == "TEST":
        return ProfileSettings(
            cps_uri="http://igc.example/PC%20TEST",
            category=CATEGORY_TEST,
            card_category=CARD_CATEGORY_TEST,
            ca_issuers_url="http://igc.example/AC%20TEST/{short_name}.cer",
        )
    return ProfileSettings(
        policy_oid="2.999.213.1.2",
        category=CATEGORY_PRODUCTION,
        card_category=CARD_CATEGORY_PRODUCTION,
    )


def perform(
    config: CeremonyConfig,
    *,
    authorities_folder: Path,
    keys_folder: Path,
    passphrase: bytes,
    now: datetime,
) -> Mapping[str, Authority]:
    """Make a whole hierarchy and return its authorities, loaded again from what was written.

    Certificates (`<short name>.pem`, `.cer`), the chain (`.p7b`), the index and the protocol go to one folder, keys
    (`<short name>.key.pem`, encrypted, mode 0600) to the other. CeremonyError when anything is there already.
    """
    _refuse_overwriting(authorities_folder, keys_folder)
    if len(passphrase) < _MIN_PASSPHRASE:
        raise CeremonyError(f"the pass phrase has fewer than {_MIN_PASSPHRASE} characters")
    authorities_folder.mkdir(parents=True, exist_ok=True)
    keys_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    protocol = _Protocol(now)
    protocol.note("begin", plateforme=config.plateforme, key_bits=config.key_bits)
    kinds = (_ROOT, *_ISSUING)
    keys = _generate(config, kinds)
    for kind, key in zip(kinds, keys, strict=True):
        write_private_key(keys_folder / f"{_name(kind, config)}.key.pem", key, passphrase)
        protocol.note("key", authority=_name(kind, config), bits=key.key_size)
    root, issuing = _build(config, keys, now)
    for authority in (root, *issuing):
        _write_certificate(authorities_folder, authority)
        protocol.note_certificate(authority)
    chain = certs_only(root.certificate_der, tuple(authority.certificate_der for authority in issuing))
    write_new(authorities_folder / _chain_name(config), chain, secret=False)
    index = AuthorityIndex(authorities=tuple(_entry(authority, root) for authority in (root, *issuing)))
    write_new(
        authorities_folder / INDEX_NAME,
        msgspec.json.format(msgspec.json.encode(index), indent=2),
        secret=False,
    )
    protocol.note("end")
    write_new(authorities_folder / PROTOCOL_NAME, protocol.text(), secret=False)
    return load_authorities(authorities_folder)


def _refuse_overwriting(*folders: Path) -> None:
    for folder in folders:
        if folder.exists() and any(folder.iterdir()):
            raise CeremonyError(f"the folder {folder.name} is not empty: nothing is overwritten")


def _name(kind: _Kind, config: CeremonyConfig) -> str:
    return f"{kind.short_name}-TEST" if config.plateforme == "TEST" else kind.short_name


def _chain_name(config: CeremonyConfig) -> str:
    suffix = "-TEST" if config.plateforme == "TEST" else ""
    return f"Chaine_de_certification{suffix}.p7b"


def _generate(config: CeremonyConfig, kinds: tuple[_Kind, ...]) -> list[rsa.RSAPrivateKey]:
    """Return one new key per authority; generation releases the interpreter lock, so threads share the cores."""
    with ThreadPoolExecutor(max_workers=len(kinds)) as pool:
        return list(pool.map(lambda _: rsa.generate_private_key(RSA_EXPONENT, config.key_bits), kinds))


def _build(
    config: CeremonyConfig,
    keys: list[rsa.RSAPrivateKey],
    now: datetime,
) -> tuple[Authority, list[Authority]]:
    settings = config.settings or default_settings(config.plateforme)
    start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = start.replace(year=start.year + config.validity_years, day=min(start.day, 28))
    root_certificate = build_root(
        _ca_name(_ROOT, config), keys[0], CaValidity(not_before=start, not_after=end), settings
    )
    root = _authority(_ROOT, config, root_certificate, (), settings)
    # An issuing CA ends a day before its root.
    validity = CaValidity(not_before=start, not_after=end - timedelta(days=1))
    issuing = []
    for kind, key in zip(_ISSUING, keys[1:], strict=True):
        certificate = build_issuing(_ca_name(kind, config), key.public_key(), root, keys[0], validity)
        issuing.append(_authority(kind, config, certificate, (root.certificate_der,), settings))
    return root, issuing


def _ca_name(kind: _Kind, config: CeremonyConfig) -> CaName:
    test = config.plateforme == "TEST"
    return CaName(
        country=config.country,
        organization=config.organization,
        identifier=config.identifier,
        infrastructure=f"{config.infrastructure} TEST" if test else config.infrastructure,
        common_name=f"TEST {kind.common_name}" if test else kind.common_name,
    )


def _authority(
    kind: _Kind,
    config: CeremonyConfig,
    certificate: x509.Certificate,
    above: tuple[bytes, ...],
    settings: ProfileSettings,
) -> Authority:
    return Authority(
        short_name=_name(kind, config),
        certificate=certificate,
        chain=(certificate.public_bytes(Encoding.DER), *above),
        products=frozenset(kind.products),
        settings=settings,
    )


def _entry(authority: Authority, root: Authority) -> AuthorityEntry:
    return AuthorityEntry(
        short_name=authority.short_name,
        issuer=root.short_name,
        products=tuple(sorted(authority.products)),
        settings=authority.settings,
    )


def _write_certificate(folder: Path, authority: Authority) -> None:
    pem = authority.certificate.public_bytes(Encoding.PEM)
    write_new(folder / f"{authority.short_name}.pem", pem, secret=False)
    write_new(folder / f"{authority.short_name}.cer", authority.certificate_der, secret=False)


class _Protocol:
    """What was done, one JSON object a line, each with the ceremony's time. No secret is ever noted."""

    def __init__(self, now: datetime) -> None:
        self._at = now.astimezone(UTC).isoformat(timespec="seconds")
        self._lines: list[bytes] = []

    def note(self, event: str, **facts: str | int) -> None:
        self._lines.append(msgspec.json.encode({"at": self._at, "event": event, **facts}))

    def note_certificate(self, authority: Authority) -> None:
        self.note(
            "certificate",
            authority=authority.short_name,
            subject=authority.certificate.subject.rfc4514_string(),
            serial=f"{authority.certificate.serial_number:032x}",
            sha256=hashlib.sha256(authority.certificate_der).hexdigest(),
            not_after=authority.not_after.isoformat(),
        )

    def text(self) -> bytes:
        return b"\n".join(self._lines) + b"\n"

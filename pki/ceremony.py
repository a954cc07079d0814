"""The key ceremony: one configuration makes a hierarchy, its keys, its files and a protocol of what was done.

Also the few certificates that the platform needs for itself, through the same prepare, lint and issue as all others.
Nothing is ever overwritten.
"""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.authority import INDEX_NAME, Authority, AuthorityEntry, AuthorityIndex, load_authorities
from pki.ca_certificates import CaName, CaTerm, build_issuing, build_root
from pki.content import CertificateContent
from pki.errors import CeremonyError
from pki.hierarchy import CeremonyConfig, IssuingConfig, RootConfig, check_config
from pki.issuance import IssuedCertificate, issue, lint, prepare
from pki.key_policy import RSA_BITS, RSA_EXPONENT
from pki.pkcs7 import certs_only
from pki.profiles import ProfileSettings
from pki.protocol import Protocol
from pki.secret_files import MIN_PASSPHRASE, certificate_pem, write_new, write_private_key
from pki.serials import new_serial, serial_hex
from pki.signers.port import Signer

PROTOCOL_NAME = "ceremony.jsonl"


def key_file(keys_folder: Path, short_name: str) -> Path:
    """Return where the ceremony puts the encrypted key of an authority."""
    return keys_folder / f"{short_name}.key.pem"


def perform(
    config: CeremonyConfig,
    *,
    authorities_folder: Path,
    keys_folder: Path,
    passphrase: bytes,
    root_passphrase: bytes | None = None,
    now: datetime,
) -> Mapping[str, Authority]:
    """Make a whole hierarchy and return its authorities, loaded again from what was written.

    Certificates (`<short name>.pem`, `.cer`), the chain (`.p7b`), the index and the protocol go to one folder, keys
    (encrypted PKCS#8, mode 0600) to the other; the root's key may have a pass phrase of its own. CeremonyError when
    the configuration is wrong, a pass phrase too short, or a folder not empty. Validity begins at midnight UTC.
    """
    settings = check_config(config)
    _check_folders(authorities_folder, keys_folder)
    root_passphrase = root_passphrase or passphrase
    if min(len(passphrase), len(root_passphrase)) < MIN_PASSPHRASE:
        raise CeremonyError(f"a pass phrase has fewer than {MIN_PASSPHRASE} characters")
    authorities_folder.mkdir(parents=True, exist_ok=True)
    keys_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    protocol = Protocol(authorities_folder / PROTOCOL_NAME, now)
    protocol.note("begin", plateforme=config.plateforme, key_bits=config.key_bits)
    root_key, *keys = _generate(1 + len(config.issuing), config.key_bits)
    members: tuple[RootConfig | IssuingConfig, ...] = (config.root, *config.issuing)
    for member, key in zip(members, (root_key, *keys), strict=True):
        short_name = config.short_name(member.short_name)
        write_private_key(
            key_file(keys_folder, short_name),
            key,
            root_passphrase if member is config.root else passphrase,
        )
        protocol.note("key", authority=short_name, bits=key.key_size)
    authorities = _build(config, settings, root_key, keys, now)
    for authority in authorities:
        _write_certificate(authorities_folder, authority)
        _note_authority(protocol, authority)
    _write_index(authorities_folder, config, authorities)
    protocol.note("end")
    return load_authorities(authorities_folder)


def _check_folders(*folders: Path) -> None:
    for folder in folders:
        if folder.exists() and any(folder.iterdir()):
            raise CeremonyError(f"the folder {folder.name} is not empty: nothing is overwritten")


def _generate(count: int, bits: int) -> list[rsa.RSAPrivateKey]:
    """Return new keys; generation releases the interpreter lock, so threads share the cores."""
    with ThreadPoolExecutor(max_workers=count) as pool:
        return list(pool.map(lambda _: rsa.generate_private_key(RSA_EXPONENT, bits), range(count)))


def _build(
    config: CeremonyConfig,
    settings: ProfileSettings,
    root_key: rsa.RSAPrivateKey,
    keys: list[rsa.RSAPrivateKey],
    now: datetime,
) -> tuple[Authority, ...]:
    """Return the authorities, root first. An issuing CA ends a day before its root."""
    start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = start.replace(year=start.year + config.validity_years, day=min(start.day, 28))
    root_certificate = build_root(
        _ca_name(config, config.root),
        root_key,
        CaTerm(serial=new_serial(), not_before=start, not_after=end),
        settings,
    )
    root = Authority(
        short_name=config.short_name(config.root.short_name),
        certificate=root_certificate,
        chain=(root_certificate.public_bytes(Encoding.DER),),
        products=frozenset(),
        settings=settings,
    )
    issuing = []
    for member, key in zip(config.issuing, keys, strict=True):
        term = CaTerm(serial=new_serial(), not_before=start, not_after=end - timedelta(days=1))
        certificate = build_issuing(_ca_name(config, member), key.public_key(), root, root_key, term)
        issuing.append(
            Authority(
                short_name=config.short_name(member.short_name),
                certificate=certificate,
                chain=(certificate.public_bytes(Encoding.DER), *root.chain),
                products=frozenset(member.products),
                settings=settings,
            ),
        )
    return (root, *issuing)


def _ca_name(config: CeremonyConfig, member: RootConfig | IssuingConfig) -> CaName:
    return CaName(
        country=config.country,
        organization=config.organization,
        identifier=config.identifier,
        infrastructure=config.infrastructure_name(),
        common_name=config.common_name(member.common_name),
    )


def _write_certificate(folder: Path, authority: Authority) -> None:
    pem = authority.certificate.public_bytes(Encoding.PEM)
    write_new(folder / f"{authority.short_name}.pem", pem, secret=False)
    write_new(folder / f"{authority.short_name}.cer", authority.certificate_der, secret=False)


def _write_index(folder: Path, config: CeremonyConfig, authorities: tuple[Authority, ...]) -> None:
    root, *issuing = authorities
    chain = certs_only(root.certificate_der, tuple(authority.certificate_der for authority in issuing))
    write_new(folder / f"{config.short_name('Chaine_de_certification')}.p7b", chain, secret=False)
    entries = tuple(
        AuthorityEntry(
            short_name=authority.short_name,
            issuer=root.short_name,
            products=tuple(sorted(authority.products)),
            settings=authority.settings,
        )
        for authority in authorities
    )
    encoded = msgspec.json.encode(AuthorityIndex(authorities=entries))
    write_new(folder / INDEX_NAME, msgspec.json.format(encoded, indent=2) + b"\n", secret=False)


def _note_authority(protocol: Protocol, authority: Authority) -> None:
    protocol.note(
        "certificate",
        authority=authority.short_name,
        subject=authority.certificate.subject.rfc4514_string(),
        serial=serial_hex(authority.certificate.serial_number),
        sha256=hashlib.sha256(authority.certificate_der).hexdigest(),
        not_after=authority.not_after.isoformat(),
    )


def issue_with_new_key(
    authority: Authority,
    signer: Signer,
    content: CertificateContent,
    *,
    folder: Path,
    name: str,
    passphrase: bytes | None,
    now: datetime,
    not_after: datetime | None = None,
) -> IssuedCertificate:
    """Make a key and its certificate for the platform itself: a TLS server, a client, a card-like login.

    Writes `<name>.key.pem` (mode 0600; encrypted unless `passphrase` is None, which suits servers that start alone)
    and `<name>.pem` (leaf, then the issuing CAs without the root), and notes serial and bytes before signing. Raises
    what prepare, lint and issue raise, and CeremonyError when a file exists.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    protocol = Protocol(folder / PROTOCOL_NAME, now)
    key = rsa.generate_private_key(RSA_EXPONENT, RSA_BITS)
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    prepared = prepare(authority, content, spki, new_serial(), now, not_after=not_after)
    linted = lint(prepared, authority)
    protocol.note(
        "intent",
        name=name,
        authority=authority.short_name,
        product=content.product,
        serial=serial_hex(prepared.serial),
        tbs_sha256=hashlib.sha256(prepared.tbs).hexdigest(),
    )
    write_private_key(folder / f"{name}.key.pem", key, passphrase)
    issued = issue(linted, signer)
    chain = (issued.der, *(authority.chain if authority.is_root else authority.chain[:-1]))
    write_new(folder / f"{name}.pem", b"".join(certificate_pem(der) for der in chain), secret=False)
    protocol.note("issued", name=name, sha256=hashlib.sha256(issued.der).hexdigest())
    return issued

"""The steps that every ceremony is made of: what exists, new keys, CA certificates, and their files."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import INDEX_NAME, Authority, AuthorityEntry, AuthorityIndex, load_authorities
from pki.ceremony.ca_certificates import CaName, CaTerm, build_issuing, build_root
from pki.ceremony.configuration import CeremonyConfig, IssuingConfig, RootConfig, check_config
from pki.ceremony.record import Protocol
from pki.certificates.profiles import ProfileSettings
from pki.certificates.serials import new_serial, serial_hex
from pki.containers.pkcs7 import certs_only
from pki.errors import CeremonyError
from pki.issuing.signers.stores import KeyStore
from runtime.whole_files import AlreadyThereError, replace, write_new

PROTOCOL_NAME = "ceremony.jsonl"
_DAY = timedelta(days=1)
Member = RootConfig | IssuingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where one machine holds its ceremonies: stores are by the place that the configuration names.

    `exchange` is the folder that is carried to and from the machine of an offline root. New issuing CAs and the lists
    of an offline root begin `backdate` before now, for machines whose clocks are behind.
    """

    authorities: Path
    stores: Mapping[str, KeyStore]
    root_stores: Mapping[str, KeyStore]
    exchange: Path | None = None
    backdate: timedelta = timedelta(0)

    def store(self, member: IssuingConfig) -> KeyStore:
        """Return where the key of an issuing CA belongs; CeremonyError when this machine has no such place."""
        return _store(self.stores, member)

    def root_store(self, config: CeremonyConfig) -> KeyStore:
        """Return where the key of the root belongs; CeremonyError when this machine has no such place."""
        return _store(self.root_stores, config.root)

    def exchange_folder(self) -> Path:
        """Return the exchange folder, made if missing; CeremonyError when there is none."""
        if self.exchange is None:
            raise CeremonyError("une racine hors ligne demande un dossier d'échange (--exchange)")
        self.exchange.mkdir(parents=True, exist_ok=True)
        return self.exchange


def _store(stores: Mapping[str, KeyStore], member: Member) -> KeyStore:
    try:
        return stores[member.key]
    except KeyError:
        raise CeremonyError(f"{member.short_name} : pas de lieu pour une clé {member.key} sur cette machine") from None


def put_new(path: Path, content: bytes) -> None:
    """Write a public file; CeremonyError when one of this name exists, for nothing of a ceremony is overwritten."""
    try:
        write_new(path, content, secret=False)
    except AlreadyThereError as error:
        raise CeremonyError(str(error)) from None


def known_authorities(folder: Path) -> Mapping[str, Authority]:
    """Return the authorities of a folder, none when it has no index yet."""
    return load_authorities(folder) if (folder / INDEX_NAME).exists() else {}


def check_known(config: CeremonyConfig, known: Mapping[str, Authority]) -> None:
    """Return unless the configuration says otherwise than what exists; CeremonyError then."""
    roots = [authority.short_name for authority in known.values() if authority.is_root]
    if roots and roots != [config.short_name(config.root.short_name)]:
        raise CeremonyError(f"fichier de cérémonie : la racine de cette machine est {roots[0]}")
    members: tuple[Member, ...] = (config.root, *config.issuing)
    for member in members:
        authority = known.get(config.short_name(member.short_name))
        if authority is None:
            continue
        products = member.products if isinstance(member, IssuingConfig) else ()
        if authority.certificate.subject != ca_name(config, member).to_x509() or authority.products != set(products):
            raise CeremonyError(
                f"fichier de cérémonie : {authority.short_name} existe, sous un autre nom ou avec d'autres produits"
            )


def generate(
    config: CeremonyConfig, workshop: Workshop, members: Sequence[Member], protocol: Protocol
) -> list[rsa.RSAPrivateKey]:
    """Return a new key for each member, each in its place; the stores may work at the same time."""

    def make(member: Member) -> rsa.RSAPrivateKey:
        store = workshop.root_store(config) if isinstance(member, RootConfig) else workshop.store(member)
        return store.generate(config.short_name(member.short_name), config.key_bits)

    if not members:
        return []
    with ThreadPoolExecutor(max_workers=len(members)) as pool:
        keys = list(pool.map(make, members))
    for member, key in zip(members, keys, strict=True):
        protocol.note("key", authority=config.short_name(member.short_name), bits=key.key_size, place=member.key)
    return keys


def ca_name(config: CeremonyConfig, member: Member) -> CaName:
    """Return the distinguished name of a member on its plateforme."""
    return CaName(
        country=config.country,
        organization=config.organization,
        identifier=config.identifier,
        infrastructure=config.infrastructure_name(),
        common_name=config.common_name(member.common_name),
    )


def build_root_authority(
    config: CeremonyConfig, settings: ProfileSettings, key: rsa.RSAPrivateKey, now: datetime
) -> Authority:
    """Return a new root, valid from midnight UTC."""
    start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    term = CaTerm(serial=new_serial(), not_before=start, not_after=_years_later(start, config.validity_years))
    certificate = build_root(ca_name(config, config.root), key, term, settings)
    return Authority(
        short_name=config.short_name(config.root.short_name),
        certificate=certificate,
        chain=(certificate.public_bytes(Encoding.DER),),
        products=frozenset(),
        settings=settings,
    )


def build_under_root(
    config: CeremonyConfig,
    member: IssuingConfig,
    public_key: rsa.RSAPublicKey,
    root: Authority,
    root_key: rsa.RSAPrivateKey,
    start: datetime,
) -> Authority:
    """Return a new issuing CA, valid from `start` (to the second) and ending a day before its root at the latest."""
    start = start.astimezone(UTC).replace(microsecond=0)
    end = min(_years_later(start, config.validity_years), root.not_after) - _DAY
    term = CaTerm(serial=new_serial(), not_before=start, not_after=end)
    certificate = build_issuing(ca_name(config, member), public_key, root, root_key, term)
    return Authority(
        short_name=config.short_name(member.short_name),
        certificate=certificate,
        chain=(certificate.public_bytes(Encoding.DER), *root.chain),
        products=frozenset(member.products),
        settings=check_config(config),
    )


def _years_later(start: datetime, years: int) -> datetime:
    return start.replace(year=start.year + years, day=min(start.day, 28))


def install(
    workshop: Workshop,
    config: CeremonyConfig,
    known: Mapping[str, Authority],
    made: Sequence[Authority],
    protocol: Protocol,
) -> None:
    """Write the certificates of new authorities, then the chain and the index that name them all."""
    if not made:
        return
    folder = workshop.authorities
    for authority in made:
        pem = authority.certificate.public_bytes(Encoding.PEM)
        put_new(folder / f"{authority.short_name}.pem", pem)
        put_new(folder / f"{authority.short_name}.cer", authority.certificate_der)
        protocol.note(
            "certificate",
            authority=authority.short_name,
            subject=authority.certificate.subject.rfc4514_string(),
            serial=serial_hex(authority.certificate.serial_number),
            sha256=hashlib.sha256(authority.certificate_der).hexdigest(),
            not_after=authority.not_after.isoformat(),
        )
    every = [*known.values(), *made]
    root = next(authority for authority in every if authority.is_root)
    others = [authority.certificate_der for authority in every if not authority.is_root]
    # The issuing CAs, then the root: from the holder upwards, as every chain is handed out.
    first, *rest = [*others, root.certificate_der]
    chain = certs_only(first, tuple(rest))
    replace(folder / f"{config.short_name('Chaine_de_certification')}.p7b", chain, secret=False)
    entries = tuple(
        AuthorityEntry(
            short_name=authority.short_name,
            issuer=root.short_name,
            products=tuple(sorted(authority.products)),
            settings=authority.settings,
        )
        for authority in every
    )
    encoded = msgspec.json.encode(AuthorityIndex(authorities=entries))
    # Last: until here a crash leaves the old hierarchy whole.
    replace(folder / INDEX_NAME, msgspec.json.format(encoded, indent=2) + b"\n", secret=False)

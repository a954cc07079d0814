"""A root whose key is on a machine of its own: requests, answers and CRLs travel as files in an exchange folder.

`<short name>.request.pem` goes to the root, `<short name>.answer.pem`, `<root>.pem` and `<root>.crl` come back. What
comes back is believed only as far as its signatures go; what goes there is certified only if the configuration of the
root's machine names it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import Authority, check_authority
from pki.ceremony.configuration import CeremonyConfig, IssuingConfig, check_config
from pki.ceremony.record import Protocol
from pki.ceremony.steps import Workshop, build_under_root, ca_name, generate, put_new
from pki.certificates.reading import UNREADABLE, UNVERIFIED
from pki.errors import AuthorityError, CeremonyError, CrlError
from pki.issuing.crl import CrlEntry, build_crl
from pki.keys.key_policy import RSA_EXPONENT, find_weakness
from pki.status.crl_reading import read_crl
from pki.status.reasons import RevocationReason
from runtime.clock import backdated
from runtime.whole_files import replace

_REASONS = {
    "unspecified": RevocationReason.UNSPECIFIED,
    "keyCompromise": RevocationReason.KEY_COMPROMISE,
    "cACompromise": RevocationReason.CA_COMPROMISE,
    "superseded": RevocationReason.SUPERSEDED,
    "cessationOfOperation": RevocationReason.CESSATION_OF_OPERATION,
}


@dataclass(frozen=True, slots=True)
class _RootSigner:
    """The port of signers over the key of a ceremony."""

    authority: str
    key: rsa.RSAPrivateKey

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        return self.key.public_key()

    def sign(self, tbs: bytes) -> bytes:
        return self.key.sign(tbs, PKCS1v15(), SHA256())


def root_of(config: CeremonyConfig, known: Mapping[str, Authority]) -> Authority:
    """Return the root of the configuration; CeremonyError when it is not here."""
    try:
        return known[config.short_name(config.root.short_name)]
    except KeyError:
        raise CeremonyError("la racine du fichier de cérémonie n'a pas été créée sur cette machine") from None


# --- on the machine of the platform ---


def exchange(
    config: CeremonyConfig,
    workshop: Workshop,
    known: Mapping[str, Authority],
    new: Sequence[IssuingConfig],
    protocol: Protocol,
) -> tuple[list[Authority], list[str]]:
    """Write a request for each new authority without one, take up the answers; gives what came and what is awaited."""
    folder = workshop.exchange_folder()
    root = known.get(config.short_name(config.root.short_name)) or _read_root(config, folder)
    without = [member for member in new if not _request_file(folder, config, member).exists()]
    for member, key in zip(without, generate(config, workshop, without, protocol), strict=True):
        path = _request_file(folder, config, member)
        builder = x509.CertificateSigningRequestBuilder().subject_name(ca_name(config, member).to_x509())
        pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
        put_new(path, pem)
        protocol.note("request", authority=config.short_name(member.short_name), sha256=_sha256(pem))
    made, pending = [], []
    for member in new:
        answer = folder / f"{config.short_name(member.short_name)}.answer.pem"
        if root is None or not answer.exists():
            pending.append(config.short_name(member.short_name))
            continue
        made.append(_accept(config, workshop, member, root, answer))
    if root is not None and root.short_name not in known and made:
        made.insert(0, root)
    return made, pending


def _accept(
    config: CeremonyConfig, workshop: Workshop, member: IssuingConfig, root: Authority, answer: Path
) -> Authority:
    """Return the authority of an answer: of the root, for our name and the key of our request, which is here."""
    short_name = config.short_name(member.short_name)
    request = _read_request(_request_file(answer.parent, config, member))
    certificate = _read_certificate(answer)
    try:
        certificate.verify_directly_issued_by(root.certificate)
        check_authority(certificate, short_name)
    except (AuthorityError, *UNVERIFIED):
        raise CeremonyError(f"{answer.name} : ce n'est pas un certificat d'AC délivré par la racine") from None
    public_key = certificate.public_key()
    if (
        certificate.subject != ca_name(config, member).to_x509()
        or public_key != request.public_key()
        or not isinstance(public_key, rsa.RSAPublicKey)
    ):
        raise CeremonyError(f"{answer.name} : ce n'est pas la réponse à la demande de {short_name}")
    workshop.store(member).open(short_name, public_key)
    return Authority(
        short_name=short_name,
        certificate=certificate,
        chain=(certificate.public_bytes(Encoding.DER), *root.chain),
        products=frozenset(member.products),
        settings=check_config(config),
    )


def _read_root(config: CeremonyConfig, folder: Path) -> Authority | None:
    """Return the root that was carried here, None when it has not come yet; people compare its fingerprint."""
    short_name = config.short_name(config.root.short_name)
    path = folder / f"{short_name}.pem"
    if not path.exists():
        return None
    certificate = _read_certificate(path)
    try:
        certificate.verify_directly_issued_by(certificate)
        check_authority(certificate, short_name)
    except (AuthorityError, *UNVERIFIED):
        raise CeremonyError(f"{path.name} : ce n'est pas une racine") from None
    if certificate.subject != ca_name(config, config.root).to_x509():
        raise CeremonyError(f"{path.name} : ce n'est pas la racine du fichier de cérémonie")
    return Authority(
        short_name=short_name,
        certificate=certificate,
        chain=(certificate.public_bytes(Encoding.DER),),
        products=frozenset(),
        settings=check_config(config),
    )


# --- on the machine of the root ---


def carry_out_root(workshop: Workshop, root: Authority) -> None:
    """Put the certificate of the root into the exchange folder."""
    path = workshop.exchange_folder() / f"{root.short_name}.pem"
    replace(path, root.certificate.public_bytes(Encoding.PEM), secret=False)


def answer(
    config: CeremonyConfig,
    workshop: Workshop,
    known: Mapping[str, Authority],
    root: tuple[Authority, rsa.RSAPrivateKey],
    now: datetime,
) -> list[Authority]:
    """Return a new authority for each request that has none yet; see ceremony.answer_requests for what is refused."""
    members = {config.short_name(member.short_name): member for member in config.issuing}
    made: list[Authority] = []
    start = backdated(now, workshop.backdate, root[0].not_before)
    for path in sorted(workshop.exchange_folder().glob("*.request.pem")):
        short_name = path.name.removesuffix(".request.pem")
        if short_name not in members:
            raise CeremonyError(f"{path.name} : {short_name} n'est pas dans le fichier de cérémonie")
        if short_name in known:
            continue
        member = members[short_name]
        public_key = _check_request(config, path, member, [*known.values(), *made])
        made.append(build_under_root(config, member, public_key, *root, start))
    return made


def _check_request(
    config: CeremonyConfig, path: Path, member: IssuingConfig, others: Sequence[Authority]
) -> rsa.RSAPublicKey:
    request = _read_request(path)
    key = request.public_key()
    if not request.is_signature_valid:
        raise CeremonyError(f"{path.name} : la signature ne prouve pas la possession de la clé")
    if request.subject != ca_name(config, member).to_x509():
        raise CeremonyError(f"{path.name} : un autre nom que dans le fichier de cérémonie")
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != config.key_bits:
        raise CeremonyError(f"{path.name} : ce n'est pas une clé RSA de {config.key_bits} bits")
    numbers = key.public_numbers()
    if numbers.e != RSA_EXPONENT or find_weakness(numbers.n) is not None:
        raise CeremonyError(f"{path.name} : clé faible")
    if any(other.public_key == key for other in others):
        raise CeremonyError(f"{path.name} : c'est la clé d'une autre AC")
    return key


def carry_out_answers(workshop: Workshop, authorities: Mapping[str, Authority]) -> None:
    """Put the certificate of every authority that asked into the exchange folder, also of those answered before."""
    folder = workshop.exchange_folder()
    for path in folder.glob("*.request.pem"):
        authority = authorities[path.name.removesuffix(".request.pem")]
        pem = authority.certificate.public_bytes(Encoding.PEM)
        replace(folder / f"{authority.short_name}.answer.pem", pem, secret=False)


def renew_crl(
    config: CeremonyConfig,
    workshop: Workshop,
    root: Authority,
    key: rsa.RSAPrivateKey,
    protocol: Protocol,
    now: datetime,
) -> Path:
    """Sign the next CRL of the root, keep it beside its certificate, and give the copy in the exchange folder."""
    kept = workshop.authorities / f"{root.short_name}.crl"
    number = crl_number(kept.read_bytes()) + 1 if kept.exists() else 1
    entries = [
        CrlEntry(int(entry.serial, 16), entry.revoked_at.astimezone(UTC), _REASONS[entry.reason])
        for entry in config.root.revoked
    ]
    until = now + timedelta(days=config.root.crl_days)
    says = backdated(now, workshop.backdate, root.not_before)
    der = build_crl(root, _RootSigner(root.short_name, key), entries, number, says, until)
    protocol.note("crl", authority=root.short_name, number=number, entries=len(entries), sha256=_sha256(der))
    replace(kept, der, secret=False)
    carried = workshop.exchange_folder() / kept.name
    replace(carried, der, secret=False)
    return carried


def check_carried_crl(root: Authority, der: bytes, published: bytes | None, now: datetime) -> int:
    """Return the number of a CRL that came from the root's machine.

    CeremonyError when it is not a CRL of the root as read_crl wants it, not in force, or older than the one that is
    published; also when it is another one with the same number. What is published and damaged may be replaced.
    """
    try:
        crl = read_crl(root, der)
    except CrlError as error:
        raise CeremonyError(str(error)) from None
    if crl.next_update_utc is None or not crl.last_update_utc <= now < crl.next_update_utc:
        raise CeremonyError(f"{root.short_name} : la CRL n'est pas en vigueur")
    number = crl_number(der)
    if published is not None and der != published and number <= _number_in_force(root, published):
        raise CeremonyError(
            f"{root.short_name} : la CRL est plus ancienne que la CRL publiée, ou une autre de même numéro"
        )
    return number


def _number_in_force(root: Authority, published: bytes) -> int:
    """The number of what is published; below any number when it is damaged or no CRL of the root."""
    try:
        read_crl(root, published)
    except CrlError:
        return -1
    return crl_number(published)


def crl_number(der: bytes) -> int:
    """Return the CRLNumber; CeremonyError when there is none."""
    try:
        crl = x509.load_der_x509_crl(der)
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except UNREADABLE:
        raise CeremonyError("CRL illisible ou sans numéro") from None


def _request_file(folder: Path, config: CeremonyConfig, member: IssuingConfig) -> Path:
    return folder / f"{config.short_name(member.short_name)}.request.pem"


def _read_request(path: Path) -> x509.CertificateSigningRequest:
    try:
        return x509.load_pem_x509_csr(path.read_bytes())
    except (OSError, *UNREADABLE):
        raise CeremonyError(f"{path.name} : la demande est absente ou ne se lit pas") from None


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, *UNREADABLE):
        raise CeremonyError(f"{path.name} : le certificat est absent ou ne se lit pas") from None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

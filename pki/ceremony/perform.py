"""The key ceremony: one configuration makes or extends a hierarchy, with a protocol of what was done.

`advance` makes what the configuration names and what is not there yet: a whole hierarchy, one more issuing CA, a new
key under an old name. With an offline root it writes requests and takes up answers; `make_root`, `answer_requests`
and `renew_root_crl` are for the machine of that root. No key and no certificate is ever
overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pki.authority import Authority, load_authorities
from pki.ceremony import offline
from pki.ceremony.configuration import CeremonyConfig, check_config
from pki.ceremony.record import Protocol
from pki.ceremony.steps import (
    PROTOCOL_NAME,
    Member,
    Workshop,
    build_root_authority,
    build_under_root,
    check_known,
    generate,
    install,
    known_authorities,
)
from pki.errors import CeremonyError
from pki.issuing.signers.stores import FileStore
from runtime.clock import backdated


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """What there is after a ceremony; `made` are the new ones of it, `pending` wait for the offline root."""

    authorities: Mapping[str, Authority]
    made: tuple[str, ...]
    pending: tuple[str, ...] = ()


def perform(
    config: CeremonyConfig,
    *,
    authorities_folder: Path,
    keys_folder: Path,
    passphrase: bytes,
    root_passphrase: bytes | None = None,
    now: datetime,
) -> Mapping[str, Authority]:
    """Make a whole hierarchy with keys in files and return its authorities, loaded again from what was written.

    Certificates (`<short name>.pem`, `.cer`), the chain (`.p7b`), the index and the protocol go to one folder, keys
    (encrypted PKCS#8, mode 0600) to the other; the root's key may have a pass phrase of its own. CeremonyError when
    the configuration is wrong, a pass phrase too short, or a folder not empty. Validity begins at midnight UTC.
    """
    check_config(config)
    for folder in (authorities_folder, keys_folder):
        if folder.exists() and any(folder.iterdir()):
            raise CeremonyError(f"le dossier {folder.name} n'est pas vide : rien n'est remplacé")
    workshop = Workshop(
        authorities=authorities_folder,
        stores={"software": FileStore(keys_folder, passphrase)},
        root_stores={"software": FileStore(keys_folder, root_passphrase or passphrase)},
    )
    return advance(config, workshop, now).authorities


def advance(config: CeremonyConfig, workshop: Workshop, now: datetime) -> Performed:
    """Make the authorities of the configuration that are not in the index yet; keep the others as they are.

    With an offline root, make keys and requests in the exchange folder, and take up the answers found there. Safe to
    call again. CeremonyError when the configuration contradicts what exists, or a file stands in the way.
    """
    settings = check_config(config)
    known = known_authorities(workshop.authorities)
    check_known(config, known)
    workshop.authorities.mkdir(parents=True, exist_ok=True)
    protocol = Protocol(workshop.authorities / PROTOCOL_NAME, now)
    protocol.note("begin", plateforme=config.plateforme, key_bits=config.key_bits)
    new = [member for member in config.issuing if config.short_name(member.short_name) not in known]
    if config.root.offline:
        made, pending = offline.exchange(config, workshop, known, new, protocol)
    else:
        root = known.get(config.short_name(config.root.short_name))
        members: list[Member] = [*new] if root is not None else [config.root, *new]
        keys = generate(config, workshop, members, protocol)
        pending, made = [], []
        if root is None:
            root = build_root_authority(config, settings, keys[0], now)
            made.append(root)
        if new:
            root_key = keys[0] if made else workshop.root_store(config).open(root.short_name, root.public_key)
            start = root.not_before if made else backdated(now, workshop.backdate, root.not_before)
            issuing_keys = keys[-len(new) :]
            made += [
                build_under_root(config, member, key.public_key(), root, root_key, start)
                for member, key in zip(new, issuing_keys, strict=True)
            ]
    install(workshop, config, known, made, protocol)
    protocol.note("end")
    authorities = load_authorities(workshop.authorities) if made or known else {}
    return Performed(
        authorities=authorities,
        made=tuple(authority.short_name for authority in made),
        pending=tuple(pending),
    )


def make_root(config: CeremonyConfig, workshop: Workshop, now: datetime) -> Authority:
    """Make the root on its own machine, and put its certificate and first CRL into the exchange folder.

    CeremonyError when there is one already.
    """
    settings = check_config(config)
    if known_authorities(workshop.authorities):
        raise CeremonyError("le dossier des AC contient déjà une racine")
    workshop.authorities.mkdir(parents=True, exist_ok=True)
    protocol = Protocol(workshop.authorities / PROTOCOL_NAME, now)
    protocol.note("begin", plateforme=config.plateforme, key_bits=config.key_bits)
    (key,) = generate(config, workshop, [config.root], protocol)
    root = build_root_authority(config, settings, key, now)
    install(workshop, config, {}, [root], protocol)
    offline.carry_out_root(workshop, root)
    offline.renew_crl(config, workshop, root, key, protocol, now)
    protocol.note("end")
    return root


def answer_requests(config: CeremonyConfig, workshop: Workshop, now: datetime) -> tuple[str, ...]:
    """On the machine of the root: certify the requests of the exchange folder that the configuration names.

    Gives the short names of what was certified now. CeremonyError when a request is not in the configuration, has
    another name or key size, does not prove possession of its key, or when the root is not here.
    """
    check_config(config)
    known = known_authorities(workshop.authorities)
    check_known(config, known)
    root = offline.root_of(config, known)
    protocol = Protocol(workshop.authorities / PROTOCOL_NAME, now)
    protocol.note("begin", plateforme=config.plateforme, key_bits=config.key_bits)
    key = workshop.root_store(config).open(root.short_name, root.public_key)
    made = offline.answer(config, workshop, known, (root, key), now)
    install(workshop, config, known, made, protocol)
    offline.carry_out_answers(workshop, {**known, **{authority.short_name: authority for authority in made}})
    protocol.note("end")
    return tuple(authority.short_name for authority in made)


def renew_root_crl(config: CeremonyConfig, workshop: Workshop, now: datetime) -> Path:
    """On the machine of the root: sign its next CRL from the configuration, and give the file to carry."""
    check_config(config)
    root = offline.root_of(config, known_authorities(workshop.authorities))
    protocol = Protocol(workshop.authorities / PROTOCOL_NAME, now)
    key = workshop.root_store(config).open(root.short_name, root.public_key)
    return offline.renew_crl(config, workshop, root, key, protocol, now)

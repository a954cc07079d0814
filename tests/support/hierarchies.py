"""Certification hierarchies for tests, made by the real ceremony with small keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pki.authority import Authority
from pki.ceremony import perform
from pki.hierarchy import CeremonyConfig
from pki.signers.port import Signer
from pki.signers.software import load_software_signer
from pki.signers.stores import key_file

CEREMONY_DATE = datetime(2026, 1, 5, tzinfo=UTC)
_PASS_PHRASE = b"not a secret, these keys sign nothing real"


@dataclass(frozen=True)
class Hierarchy:
    """The authorities of one plateforme and the keys of all of them."""

    authorities: Mapping[str, Authority]
    signers: Mapping[str, Signer]

    @property
    def chains(self) -> dict[str, tuple[bytes, ...]]:
        return {name: authority.chain for name, authority in self.authorities.items()}


def make_hierarchy(folder: Path, plateforme: str) -> Hierarchy:
    """Hold a ceremony in an empty folder; two of the same plateforme have the same names and other keys."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = folder / "keys"
    authorities = perform(
        CeremonyConfig(plateforme=plateforme, key_bits=2048),  # type: ignore[arg-type]  # one of the two names
        authorities_folder=folder / "authorities",
        keys_folder=keys,
        passphrase=_PASS_PHRASE,
        now=CEREMONY_DATE,
    )
    pass_phrase_file = folder / "pass-phrase"
    pass_phrase_file.touch(mode=0o600)
    pass_phrase_file.write_bytes(_PASS_PHRASE)
    signers: dict[str, Signer] = {
        name: load_software_signer(authority, key_file(keys, name), pass_phrase_file)
        for name, authority in authorities.items()
    }
    return Hierarchy(authorities=authorities, signers=signers)

"""Certification hierarchies for tests, made by the real ceremony with small keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pki.authority import Authority
from pki.ceremony.configuration import CeremonyConfig
from pki.ceremony.perform import perform
from pki.issuing.signers.software import load_software_signer
from pki.issuing.signers.stores import key_file
from pki.signer import Signer
from tests.support.assertions import the

CEREMONY_DATE = datetime(2026, 1, 5, tzinfo=UTC)
_PASS_PHRASE = b"not a secret, these keys sign nothing real"


@dataclass(frozen=True)
class Hierarchy:
    """The authorities of one plateforme, the keys that a worker has of them, and the folder of their ceremony."""

    authorities: Mapping[str, Authority]
    signers: Mapping[str, Signer]
    folder: Path | None = None

    @property
    def chains(self) -> dict[str, tuple[bytes, ...]]:
        return {name: authority.chain for name, authority in self.authorities.items()}

    @property
    def authorities_dir(self) -> Path:
        return the(self.folder, "the folder of the ceremony") / "authorities"

    @property
    def keys_dir(self) -> Path:
        return the(self.folder, "the folder of the ceremony") / "keys"

    @property
    def pass_phrase_file(self) -> Path:
        return the(self.folder, "the folder of the ceremony") / "pass-phrase"

    def without_root_keys(self) -> Hierarchy:
        """The same, as a worker has it whose roots sign elsewhere."""
        signers = {name: signer for name, signer in self.signers.items() if not self.authorities[name].is_root}
        return replace(self, signers=signers)

    def load_signer(self, name: str) -> Signer:
        """The key of any authority, read from its file."""
        return load_software_signer(self.authorities[name], key_file(self.keys_dir, name), self.pass_phrase_file)


def make_hierarchy(folder: Path, plateforme: Literal["TEST", "PRODUCTION"], now: datetime = CEREMONY_DATE) -> Hierarchy:
    """Hold a ceremony in an empty folder; two of the same plateforme have the same names and other keys."""
    folder.mkdir(parents=True, exist_ok=True)
    hierarchy = Hierarchy(authorities={}, signers={}, folder=folder)
    authorities = perform(
        CeremonyConfig(plateforme=plateforme, key_bits=2048),
        authorities_folder=hierarchy.authorities_dir,
        keys_folder=hierarchy.keys_dir,
        passphrase=_PASS_PHRASE,
        now=now,
    )
    hierarchy.pass_phrase_file.touch(mode=0o600)
    hierarchy.pass_phrase_file.write_bytes(_PASS_PHRASE)
    hierarchy = replace(hierarchy, authorities=authorities)
    return replace(hierarchy, signers={name: hierarchy.load_signer(name) for name in authorities})

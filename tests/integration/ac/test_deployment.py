"""What the composition roots hand to the parts: the policy of keys, and profiles that the full lint has seen."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from commands.composition import Instance
from pki.authority import load_authorities
from pki.errors import LintError
from pki.keys.key_list import fingerprint
from runtime.settings.model import Settings
from storage.migrate import upgrade
from tests.support.hierarchies import Hierarchy
from tests.support.verbs import igc, write_settings
from tests.vectors.keys import key
from tests.vectors.samples import spki


@pytest.fixture
def config(hierarchy: Hierarchy, tmp_path: Path) -> Path:
    """Settings of an instance with a copy of the index of the authorities, for changes."""
    authorities = tmp_path / "autorites"
    authorities.mkdir()
    for path in hierarchy.authorities_dir.iterdir():
        (authorities / path.name).write_bytes(path.read_bytes())
    listed = tmp_path / "liste.txt"
    listed.write_text(fingerprint(key("leaf-2").public_key().public_numbers().n).hex() + "\n")
    pki = {
        "authorities_dir": authorities,
        "keys_dir": hierarchy.keys_dir,
        "pass_phrase_file": hierarchy.pass_phrase_file,
        "weak_key_files": [listed],
    }
    (tmp_path / "var").mkdir(mode=0o700)
    upgrade(f"sqlite:///{tmp_path}/var/igc.db")
    return write_settings(tmp_path / "igc.toml", {"pki": pki})


def change_index(config: Path, short_names: set[str], **settings: object) -> None:
    index = config.parent / "autorites" / "authorities.json"
    content = json.loads(index.read_text())
    for entry in content["authorities"]:
        if entry["short_name"] in short_names:
            entry["settings"] |= settings
    index.write_text(json.dumps(content))


def test_policy_of_keys_refuses_those_of_authorities_and_of_the_lists(config: Path) -> None:
    policy = Instance(Settings.load(config)).key_policy
    authorities = load_authorities(config.parent / "autorites").values()
    assert len(authorities) == 4
    assert all(policy.is_blocked(hashlib.sha256(authority.spki).digest()) for authority in authorities)
    assert not policy.is_blocked(hashlib.sha256(spki("leaf")).digest())
    assert policy.is_listed(key("leaf-2").public_key().public_numbers().n)
    assert not policy.is_listed(key("leaf").public_key().public_numbers().n)


def test_elliptic_keys_are_admitted_when_every_issuing_authority_admits_them(config: Path) -> None:
    assert not Instance(Settings.load(config)).key_policy.p256
    change_index(config, {"ACI-EL-PP-TEST", "ACI-EL-ORG-TEST"}, p256=True)
    assert not Instance(Settings.load(config)).key_policy.p256
    change_index(config, {"ACI-CARTES-TEST"}, p256=True)
    assert Instance(Settings.load(config)).key_policy.p256


def run(*words: str) -> None:
    done = igc(*words)
    assert done.exception is not None
    raise done.exception


def test_no_worker_starts_with_profiles_that_the_full_lint_refuses(config: Path) -> None:
    change_index(config, {"ACI-EL-PP-TEST"}, ocsp_url="ocsp.igc.example/no/scheme")
    # Without the check it would go on to its queue, which is not there.
    with pytest.raises(LintError, match="uri"):
        run("worker", "--config", str(config))


def test_no_ceremony_makes_a_key_for_profiles_that_the_full_lint_refuses(tmp_path: Path) -> None:
    config, file = tmp_path / "igc.toml", tmp_path / "ceremonie.toml"
    config.write_text('plateforme = "TEST"\n')
    file.write_text(
        'plateforme = "TEST"\nkey_bits = 2048\n[settings]\nocsp_url = "ocsp.igc.example/no/scheme"\n'
        '[[issuing]]\nshort_name = "ACI-ORG"\ncommon_name = "AC ORGANISATIONS"\nproducts = ["ORG_SIGN"]\n'
    )
    with pytest.raises(LintError, match="uri"):
        run("ceremony", "run", str(file), "--config", str(config))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ceremonie.toml", "igc.toml"]

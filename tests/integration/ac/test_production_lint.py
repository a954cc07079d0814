"""The full lint in production: before anything is signed with changed profiles, and over what was issued."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from batch.context import WorkerContext
from commands.ceremony.profile_gate import check_deployed_profiles, trust_default_profiles
from pki.errors import LintError
from runtime.settings.model import Settings
from storage import tables
from tests.support.verbs import igc, write_settings
from tests.support.world import World


def changed(context: WorkerContext, **settings: object) -> WorkerContext:
    authorities = {
        name: dataclasses.replace(authority, settings=msgspec.structs.replace(authority.settings, **settings))
        for name, authority in context.authorities.items()
    }
    return dataclasses.replace(context, authorities=authorities)


def test_changed_profiles_are_checked_once_and_broken_ones_never_pass(world: World, settings: Settings) -> None:
    stamp = settings.data_dir / "profils-verifies.json"
    trust_default_profiles(settings, world.context)
    trusted = stamp.read_bytes()
    check_deployed_profiles(settings, world.context)
    assert stamp.read_bytes() == trusted
    broken = changed(world.context, ocsp_url="no scheme at all")
    for _ in range(2):
        with pytest.raises(LintError):
            check_deployed_profiles(settings, broken)
        assert stamp.read_bytes() == trusted
    check_deployed_profiles(settings, changed(world.context, cps_uri="http://igc.example/autre"))
    assert json.loads(stamp.read_bytes()).keys() == json.loads(trusted).keys()
    assert stamp.read_bytes() != trusted


def test_sample_of_issued_certificates_is_read_again(
    world: World, settings_values: dict[str, Any], tmp_path: Path
) -> None:
    config = write_settings(tmp_path / "igc.toml", settings_values)
    index = world.issued(*world.forms(3))
    done = igc("lint-sample", "--days", "3660", "--config", config)
    assert (done.exit_code, "3 certificats relus, 0 fautifs" in done.output) == (0, True)
    certificat = tables.Certificat
    with world.db.write() as session:
        numero = world.numeros(index)[1]
        session.execute(update(certificat).where(certificat.id_demande == numero).values(der=b"\x30\x03no!"))
    done = igc("lint-sample", "--days", "3660", "--config", config)
    assert (done.exit_code, "3 certificats relus, 1 fautifs" in done.output) == (1, True)

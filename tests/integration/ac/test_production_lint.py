"""The full lint in production: before anything is signed with changed profiles, and over what was issued."""

import dataclasses
import json

import msgspec
import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from commands.main import build_app
from commands.profile_gate import check_deployed_profiles, trust_default_profiles
from pki.errors import LintError
from storage import tables


def changed(context, **settings):
    authorities = {
        name: dataclasses.replace(authority, settings=msgspec.structs.replace(authority.settings, **settings))
        for name, authority in context.authorities.items()
    }
    return dataclasses.replace(context, authorities=authorities)


def test_changed_profiles_are_checked_once_and_broken_ones_never_pass(world, settings):
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


def test_sample_of_issued_certificates_is_read_again(world, settings_values, tmp_path):
    config = tmp_path / "igc.toml"
    config.write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in settings_values.items()))
    index = world.issued(*world.forms(3))
    arguments = ["lint-sample", "--days", "3660", "--config", str(config)]
    done = CliRunner().invoke(build_app(arguments), arguments)
    assert (done.exit_code, "3 certificats relus, 0 fautifs" in done.output) == (0, True)
    certificat = tables.Certificat
    with world.db.write() as session:
        numero = world.numeros(index)[1]
        session.execute(update(certificat).where(certificat.id_demande == numero).values(der=b"\x30\x03no!"))
    done = CliRunner().invoke(build_app(arguments), arguments)
    assert (done.exit_code, "3 certificats relus, 1 fautifs" in done.output) == (1, True)

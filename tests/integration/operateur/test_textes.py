"""CGU and PC as an operator has them in files: shipped for TEST, his own elsewhere, and never changed under a version."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.composition import opened
from commands.textes import read_textes
from registration.retraits.textes import TexteChangedError, publish_textes
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings
from storage.database import Database
from tests.support.clock import NOON
from tests.support.verbs import igc, write_settings


def settings_of(folder: Path, plateforme: str = "TEST", **textes: str) -> Settings:
    return Settings.from_mapping({"plateforme": plateforme, "data_dir": "var", "textes": textes}, base=folder)


def test_test_has_texts_that_come_with_the_product(tmp_path: Path) -> None:
    cgu, pc = read_textes(settings_of(tmp_path, public_url="http://igc.example"))
    assert (cgu.texte.adresse, pc.texte.adresse) == (
        "http://igc.example/textes/cgu/TEST-1",
        "http://igc.example/textes/pc/TEST-1",
    )
    assert "TEST" in cgu.contenu.decode()
    assert cgu.texte.empreinte != pc.texte.empreinte


@pytest.mark.parametrize(
    ("plateforme", "textes", "cle"),
    [
        ("PRODUCTION", {}, "textes.cgu_file"),
        ("PRODUCTION", {"cgu_file": "texte.txt"}, "textes.pc_file"),
        ("TEST", {"pc_file": "absent.txt"}, "textes.pc_file"),
        ("TEST", {"cgu_file": "texte.docx"}, "textes.cgu_file"),
        ("TEST", {"cgu_file": "vide.txt"}, "textes.cgu_file"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, plateforme: str, textes: dict[str, str], cle: str) -> None:
    for name in ("texte.txt", "texte.docx"):
        (tmp_path / name).write_text("texte")
    (tmp_path / "vide.txt").touch()
    with pytest.raises(SettingsError) as refused:
        read_textes(settings_of(tmp_path, plateforme, **textes))
    assert [problem.cle for problem in refused.value.problems] == [cle]


def test_another_content_under_a_published_version_starts_no_canal(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "cgu.txt"
    path.write_text("premières conditions")
    url = database.engine.url.render_as_string(hide_password=False)
    values: dict[str, object] = {"data_dir": tmp_path, "database_url": url}
    config = write_settings(tmp_path / "igc.toml", {**values, "textes": {"cgu_file": path, "cgu_version": "1.0"}})
    with opened(Settings.load(config)) as here:
        publish_textes(here.db, here.plateforme, here.textes, NOON)
    told = "textes.cgu_file : CGU, version 1.0 : le fichier n'est plus celui"
    assert told not in str(igc("check-config", "--config", config).exception)
    path.write_text("autres conditions")
    assert told in str(igc("check-config", "--config", config).exception)
    with opened(Settings.load(config)) as here, pytest.raises(TexteChangedError):
        publish_textes(here.db, here.plateforme, here.textes, NOON)
    write_settings(config, {**values, "textes": {"cgu_file": path, "cgu_version": "1.1"}})
    assert told not in str(igc("check-config", "--config", config).exception)

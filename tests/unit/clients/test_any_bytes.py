"""Whatever bytes a file of a user holds: its content, or one error in French; never anything else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clients.cli.configuration import load_configuration
from clients.cli.secrets import read_secret
from clients.contract.schema_check import InvalidMessageError
from clients.errors import SettingsError
from clients.keys.csr import CsrError, read_csr
from clients.lots.file import read_lot
from clients.lots.table import COLUMNS, read_rows

SIGNS = st.sampled_from(
    [*";,\t\n\r\"' \ufeff\u200b\u00a0é", *COLUMNS, "sep=;", "ORG", "x.example", "\0", "[", "=", "{"]
)
TEXTS = st.lists(SIGNS, max_size=60).map("".join)
CONTENTS = st.one_of(
    st.binary(max_size=300),
    TEXTS.map(str.encode),
    TEXTS.map(lambda text: text.encode("utf-16")),
    TEXTS.map(lambda text: f"{';'.join(COLUMNS)}\n{text}".encode()),
    TEXTS.map(lambda text: f'url = "https://x"\n{text}'.encode()),
)
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fichier.csv"


@MANY
@given(CONTENTS)
@example(b"\xff\xfe\x00\xd8")
def test_a_table_is_rows_or_problems(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for read in (read_rows, read_lot):
        with contextlib.suppress(InvalidMessageError):
            read(path)


@MANY
@given(CONTENTS)
def test_an_xml_lot_is_a_lot_or_problems(path: Path, content: bytes) -> None:
    path.with_suffix(".xml").write_bytes(content)
    with pytest.raises(InvalidMessageError):
        read_lot(path.with_suffix(".xml"))


@MANY
@given(st.one_of(CONTENTS, st.binary(max_size=80).map(lambda body: b"-----BEGIN CERTIFICATE REQUEST-----" + body)))
def test_no_bytes_of_this_kind_are_a_csr(content: bytes) -> None:
    with pytest.raises(CsrError):
        read_csr(content)


@MANY
@given(CONTENTS)
def test_settings_are_settings_or_one_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(SettingsError):
        load_configuration({}, file=path, environment={})


@MANY
@given(CONTENTS)
def test_a_secret_is_its_first_line_or_one_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        secret = read_secret(path)
    except SettingsError:
        return
    assert secret
    assert "\n" not in secret

"""File names taken from references, and files that are whole or absent."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.files import unique_stems, write_atomically

REFERENCES = st.from_regex(r"[A-Za-z0-9._:/\-]{1,64}", fullmatch=True)


def test_names_come_from_references_else_from_positions():
    assert unique_stems([(1, "poste-1"), (2, None), (3, "a/b:c")]) == ["poste-1", "00002", "a_b_c"]


@pytest.mark.parametrize("reference", ["..", ".", "../../etc/passwd", "/etc/passwd", "-rf", ".cache", "C:/x"])
def test_a_reference_never_leads_out_of_the_folder(reference, tmp_path):
    (stem,) = unique_stems([(1, reference)])
    assert (tmp_path / f"{stem}.p7b").parent == tmp_path
    assert not stem.startswith((".", "-"))


@given(st.lists(st.one_of(st.none(), REFERENCES, st.sampled_from(["A", "a", "a-2", "00001", "a/", "a:"])), max_size=30))
def test_names_are_unique_on_any_file_system_and_stable(references):
    items = list(enumerate(references, start=1))
    stems = unique_stems(items)
    assert len({stem.casefold() for stem in stems}) == len(items)
    assert unique_stems(items) == stems


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "manifeste.csv"
    write_atomically(path, b"avant")
    with pytest.raises(TypeError):
        write_atomically(path, "pas des octets")
    assert path.read_bytes() == b"avant"
    assert [one.name for one in tmp_path.iterdir()] == ["manifeste.csv"]


def test_the_mode_is_the_one_asked_for_whatever_was_there(tmp_path):
    path = tmp_path / "sous" / "cle"
    write_atomically(path, b"1")
    write_atomically(path, b"2", mode=0o600)
    assert path.read_bytes() == b"2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

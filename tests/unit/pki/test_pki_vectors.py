"""Golden vectors: what the authorities issue changes only together with these files."""

from tests.vectors.generate import FOLDER, vectors


def test_vectors_are_what_the_generator_makes_today() -> None:
    stored = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    made = vectors()
    assert sorted(stored) == sorted(made)
    assert [name for name in made if stored[name] != made[name]] == []

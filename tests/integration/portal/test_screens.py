"""``make screenshots`` draws what it says: two families of it, each shot at each width, and a page that leads to them."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.screens.shots import all_shots

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(400)]
WIDTHS = (1280, 360)
SHOTS = list(all_shots())


def size_of(file: Path) -> tuple[int, int]:
    """Of a PNG (ISO/IEC 15948 §11.2.2)."""
    head = file.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n", file
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_every_shot_of_two_families_is_drawn(tmp_path: Path) -> None:
    smallest = sorted(Counter(family for family, _ in SHOTS).items(), key=lambda one: (one[1], one[0]))[:2]
    families = [family for family, _ in smallest]
    command = [sys.executable, "-m", "tests.screens", str(tmp_path), *families]
    done = subprocess.run(command, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "index.html").read_text("utf-8")
    names = [f"{family}-{shot.name}-{width}.png" for family, shot in SHOTS if family in families for width in WIDTHS]
    assert names
    for name in names:
        width, height = size_of(tmp_path / name)
        assert name.endswith(f"-{width}.png"), "a page wider than its window"
        assert height > 200
        assert f'src="{name}"' in index
    assert {file.name for file in tmp_path.glob("*.png")} == set(names)


def test_no_two_shots_share_a_name() -> None:
    names = Counter(f"{family}-{shot.name}" for family, shot in SHOTS)
    assert [name for name, count in names.items() if count > 1] == []
    assert all(shot.title.strip() for _, shot in SHOTS)

"""The table of where the time of a lot goes: its stages are in the tree, its sum is the whole, its samples are real."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measuring.processes import BENCH
from bench.measuring.window import Meter, Window
from bench.profiling.samples import Samples, sampled
from bench.profiling.stages import EXAMINATION, OTHER, places, stage_of
from bench.profiling.table import by_process, table

ROOT = Path(__file__).parents[3]
_WORKER = """
from pki.keys.key_policy import find_weakness
import time
until = time.process_time() + 0.4
modulus = (1 << 2047) + 1155
while time.process_time() < until:
    find_weakness(modulus)
"""


@pytest.mark.parametrize("place", places())
def test_what_a_stage_names_is_in_the_tree(place: str) -> None:
    path, _, function = place.partition(":")
    assert (ROOT / path).exists(), f"{place} has moved: bench/profiling/stages.py"
    if function:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, place


@pytest.mark.parametrize(
    ("frames", "stage"),
    [
        (
            ["pki/certificates/der.py:tlv", "pki/lint/inline.py:find", "pki/issuing/issuance.py:lint"],
            "contrôle avant signature",
        ),
        (
            ["pki/certificates/der.py:tlv", "pki/issuing/issuance.py:prepare", "batch/issuing/demandes.py:_prepare"],
            "TBS",
        ),
        (["pki/issuing/signers/software.py:SoftwareSigner.sign", "pki/signing.py:sign"], "signature"),
        (
            ["pki/keys/shared_primes.py:f", "registration/revocation/weak_keys.py:g", "batch/queue/jobs.py:h"],
            EXAMINATION,
        ),
        (["storage/bulk.py:insert_rows", "batch/issuing/handover.py:hand_over"], "remise à l'AC"),
        (["batch/queue/jobs.py:run_tasks"], "entre deux tâches"),
        (["commands/processes/worker.py:run"], OTHER),
        ([], OTHER),
    ],
)
def test_a_sample_belongs_to_its_innermost_stage(frames: list[str], stage: str) -> None:
    assert stage_of(frames) == stage


def window(cpu: dict[str, float], idle: float, strangers: float) -> Window:
    return Window(10.0, 12.0, cpu, idle, strangers)


def test_stages_idle_and_strangers_sum_to_all_cores(tmp_path: Path) -> None:
    lines = [
        "9000000000 500000 pki/signing.py:sign",
        "10500000000 300000 pki/issuing/signers/software.py:sign pki/signing.py:sign",
        "11000000000 100000 batch/issuing/storing.py:store",
    ]
    (tmp_path / "1.samples").write_text("\n".join(lines) + "\n")
    cpu = {"worker-1": 0.8, "worker-2": 0.4, "relay": 0.2, BENCH: 0.1}
    seen = window(cpu, idle=2.0, strangers=0.5)
    rows = table(Samples(tmp_path), [seen, window({}, 0.0, 0.0)], 1000)
    assert rows == {
        "signature": 900.0,
        "enregistrement des certificats": 300.0,
        "relais": 200.0,
        "la mesure elle-même (à part)": 100.0,
        "inoccupé": 2000.0,
        "autres programmes et noyau": 500.0,
        "somme (tous les cœurs)": 4000.0,
    }
    assert by_process([seen], 1000)["worker-1"] == 800.0


def test_a_worker_takes_samples_of_itself_and_no_other_process_does(tmp_path: Path) -> None:
    package = tmp_path / "commands"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(_WORKER)
    before = os.environ.get("PYTHONPATH")
    with sampled(tmp_path / "samples", fast=True) as samples:
        meter = Meter()
        for verb in ("worker", "relay"):
            subprocess.run([sys.executable, "-m", "commands", verb], cwd=tmp_path, check=True)
        seen = meter.read()
        spent = samples.by_stage(seen)
    assert os.environ.get("PYTHONPATH") == before
    assert len(list(samples.folder.iterdir())) == 1
    assert spent["CSR"] > 300_000
    assert spent.total() < 1e6 * seen.cpu[BENCH] / 2, "the relay took samples too"

"""Keys and CSRs: real RSA, real processes, files that only their owner reads, and runs that can be started again."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from clients.files import TEMPORARY_SUFFIX
from clients.keys import many as keys
from clients.keys.many import KeyFileError, KeyTarget, make_key, make_keys
from clients.lots.manifest import find_keys
from tests.support.assertions import rsa_key


def targets(folder: Path, *stems: str) -> list[KeyTarget]:
    return [KeyTarget(folder=folder, stem=stem, common_name=stem) for stem in stems]


def test_keys_are_made_in_order_in_other_processes_with_progress(tmp_path: Path) -> None:
    wanted = targets(tmp_path / "cles", *"abcde")
    told: list[int] = []
    csrs = make_keys(wanted, workers=2, progress=told.append)
    assert sum(told) == 5
    for target, der in zip(wanted, csrs, strict=True):
        request = x509.load_der_x509_csr(der)
        key = serialization.load_pem_private_key(target.key_file.read_bytes(), None)
        assert request.public_key() == key.public_key()
        assert request.is_signature_valid
        assert isinstance(request.signature_hash_algorithm, hashes.SHA256)
        assert rsa_key(request).key_size == 2048
        assert x509.load_pem_x509_csr(target.csr_file.read_bytes()) == request
        assert stat.S_IMODE(target.key_file.stat().st_mode) == 0o600
    assert len({rsa_key(x509.load_der_x509_csr(der)).public_numbers().n for der in csrs}) == 5


def test_a_second_run_keeps_every_key_and_only_makes_what_is_missing(tmp_path: Path) -> None:
    first, second = targets(tmp_path, "a", "b")
    made = make_key(first)
    pem = first.key_file.read_bytes()
    first.csr_file.unlink()
    again = make_keys([first, second], workers=1)
    assert first.key_file.read_bytes() == pem
    assert x509.load_der_x509_csr(again[0]).public_key() == x509.load_der_x509_csr(made).public_key()
    assert make_keys([first, second], workers=1) == again, "an existing CSR is used as it is"


def test_a_second_run_with_nothing_to_make_tidies_up_all_the_same(tmp_path: Path) -> None:
    (only,) = targets(tmp_path, "a")
    (csr,) = make_keys([only], workers=1)
    left = tmp_path / f".a.key.abcd{TEMPORARY_SUFFIX}"
    left.write_bytes(b"-----BEGIN")
    assert make_keys([only], workers=1) == [csr]
    assert not left.exists()


def test_a_csr_of_another_key_is_made_again(tmp_path: Path) -> None:
    first, second = targets(tmp_path, "a", "b")
    make_key(first)
    make_key(second)
    first.csr_file.write_bytes(second.csr_file.read_bytes())
    key = serialization.load_pem_private_key(first.key_file.read_bytes(), None)
    assert x509.load_der_x509_csr(make_key(first)).public_key() == key.public_key()


def test_a_pass_phrase_protects_the_key_and_is_needed_again(tmp_path: Path) -> None:
    (target,) = targets(tmp_path, "a")
    make_key(target, b"une phrase")
    assert b"ENCRYPTED" in target.key_file.read_bytes()
    pem = target.key_file.read_bytes()
    make_key(target, b"une phrase")
    for wrong in (None, b"autre"):
        with pytest.raises(KeyFileError, match=r"a\.key"):
            make_key(target, wrong)
    assert target.key_file.read_bytes() == pem


@pytest.mark.parametrize("kind", ["rubbish", "small", "elliptic"])
def test_a_key_file_that_is_not_ours_stops_the_run_untouched(tmp_path: Path, kind: str) -> None:
    (target,) = targets(tmp_path, "a")
    if kind == "rubbish":
        content = b"autre chose"
    else:
        key = ec.generate_private_key(ec.SECP256R1()) if kind == "elliptic" else rsa.generate_private_key(65537, 1024)
        content = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    target.key_file.write_bytes(content)
    with pytest.raises(KeyFileError):
        make_keys([target], workers=1)
    assert target.key_file.read_bytes() == content


def test_a_refusal_of_one_key_stops_the_others_and_no_process_is_left(tmp_path: Path) -> None:
    wanted = targets(tmp_path, *"abcdefgh")
    wanted[3].key_file.write_bytes(b"autre chose")
    with pytest.raises(KeyFileError, match=r"d\.key"):
        make_keys(wanted, workers=2)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    assert [pid for pid in children if b"clients.keys.many" in Path(f"/proc/{pid}/cmdline").read_bytes()] == []


def test_a_process_that_dies_is_said_so_and_cleaned_up(tmp_path: Path) -> None:
    (target,) = targets(tmp_path, "a")
    worker = keys._Worker()
    worker._process.kill()
    worker._process.wait(10)
    with pytest.raises(KeyFileError, match="relancez"):
        worker.make(keys._Order(target, None))
    worker.stop()


def test_a_program_without_a_main_guard_may_make_keys(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from pathlib import Path\n"
        "from clients.keys.many import KeyTarget, make_keys\n"
        "names = 'abc'\n"
        "folder = Path('keys')\n"
        "print(len(make_keys([KeyTarget(folder=folder, stem=n, common_name=n) for n in names], workers=2)))\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    assert shown.stdout.split() == [b"3"]


def test_keys_are_found_by_their_public_key_even_encrypted_ones(tmp_path: Path) -> None:
    plain, hidden, alone = targets(tmp_path, "plain", "hidden", "alone")
    make_key(plain)
    make_key(hidden, b"une phrase")
    make_key(alone, b"une phrase")
    alone.csr_file.unlink()
    (tmp_path / "autre.key").write_bytes(b"rien")
    assert set(find_keys(tmp_path).values()) == {plain.key_file, hidden.key_file}
    assert set(find_keys(tmp_path, b"une phrase").values()) == {plain.key_file, hidden.key_file, alone.key_file}


def test_two_runs_at_once_end_with_one_key_and_csrs_that_fit_it(tmp_path: Path) -> None:
    """Each of them would have found no key there; none writes over what the other one has just made."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom clients.keys import one\n"
        "one._is_taken = lambda _path: False\n"
        "target = one.KeyTarget(folder=Path(sys.argv[1]), stem='a', common_name='a')\n"
        "sys.stdout.buffer.write(one.make_key(target))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    root = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(3)]
    csrs = [x509.load_der_x509_csr(run.communicate(timeout=60)[0]) for run in runs]
    key = serialization.load_pem_private_key((tmp_path / "a.key").read_bytes(), None)
    assert {csr.public_key() == key.public_key() for csr in csrs} == {True}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csr", "a.key"]


def test_no_key_is_written_through_a_link_to_nowhere(tmp_path: Path) -> None:
    (only,) = targets(tmp_path, "a")
    only.key_file.symlink_to(tmp_path / "ailleurs")
    with pytest.raises(KeyFileError, match="existe déjà"):
        make_key(only)
    assert only.key_file.is_symlink()
    assert not (tmp_path / "ailleurs").exists()

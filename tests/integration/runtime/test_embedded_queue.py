"""The embedded queue server: private, alone in its folder, durable across a SIGKILL."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest
import redis

from runtime.processes.embedded_queue import EmbeddedQueue, EmbeddedQueueError, QueueInUseError, answers, socket_path
from runtime.settings.model import Settings
from tests.support.processes import is_running, wait_until


def _pid(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.info("server")["process_id"])


def test_what_was_written_survives_a_killed_server(tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    with EmbeddedQueue(folder) as queue:
        with redis.Redis.from_url(queue.url) as client:
            client.set("cle", "valeur")
        os.kill(_pid(queue.url), signal.SIGKILL)
    with EmbeddedQueue(folder) as queue, redis.Redis.from_url(queue.url) as client:
        assert client.get("cle") == b"valeur"


def test_only_this_account_can_reach_it(tmp_path: Path) -> None:
    with EmbeddedQueue(tmp_path / "queue") as queue:
        assert stat.S_IMODE(queue.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(queue.socket.stat().st_mode) == 0o700
        with redis.Redis.from_url(queue.url) as client:
            assert client.config_get("port") == {"port": "0"}


def test_a_second_server_in_the_folder_is_refused_and_the_first_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.processes.embedded_queue._LOCK_SECONDS", 0.1)
    with EmbeddedQueue(tmp_path / "queue") as queue:
        pid = _pid(queue.url)
        with pytest.raises(QueueInUseError, match="travaille déjà"):
            EmbeddedQueue(tmp_path / "queue").start()
        assert _pid(queue.url) == pid
    assert not is_running(pid)


def test_the_server_itself_holds_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.processes.embedded_queue._LOCK_SECONDS", 0.1)
    with EmbeddedQueue(tmp_path / "queue") as queue:
        # As after the SIGKILL of whoever started it, for the moment that the server needs to die.
        assert queue._lock is not None
        os.close(queue._lock)
        queue._lock = None
        with pytest.raises(QueueInUseError):
            EmbeddedQueue(tmp_path / "queue").prepare()


def test_a_long_path_gets_a_short_private_socket_known_to_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = tmp_path / "court"
    short.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(short))
    settings = Settings.from_mapping({"data_dir": str(tmp_path / ("x" * 120))}, base=tmp_path)
    with EmbeddedQueue(settings.queue_dir) as queue:
        assert queue.socket.parent.parent == short
        assert stat.S_IMODE(queue.socket.parent.stat().st_mode) == 0o700
        assert settings.queue_dsn() == queue.url
        assert queue.is_ready()
    assert not answers(queue.socket)


@pytest.mark.parametrize("trap", ["open", "link"])
def test_a_short_folder_prepared_by_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    short = tmp_path / f"igc-{os.geteuid()}"
    if trap == "open":
        short.mkdir()
        short.chmod(0o777)
    else:
        (tmp_path / "ailleurs").mkdir(mode=0o700)
        short.symlink_to(tmp_path / "ailleurs")
    with pytest.raises(EmbeddedQueueError, match="chmod 700"):
        socket_path(tmp_path / ("x" * 120))


def test_a_server_that_cannot_start_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    (folder / "appendonlydir").mkdir(parents=True)
    folder.chmod(0o700)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("not a manifest\n")
    queue = EmbeddedQueue(folder)
    with pytest.raises(EmbeddedQueueError, match=r"valkey\.log"):
        queue.start()
    wait_until(lambda: not answers(queue.socket))

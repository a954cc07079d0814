"""Who can write anything to the broker: nothing of the worker's library runs what stands there, and honest work goes on."""

from __future__ import annotations

import json
import time
import zlib
from typing import Any

import pytest
from redis import Redis
from rq import Queue as RqQueue
from rq.serializers import JSONSerializer

from batch.queue import worker as worker_module
from batch.queue.rq import QUEUE_NAME, Job, WorkQueue, connect, read_call
from tests.integration.batch.world import BatchWorld
from tests.support.queue_server import jobs_waiting

pytestmark = pytest.mark.long

_CALLED: list[str] = []
_CALLBACK = f"{__name__}.called"


def called(*_args: object) -> None:
    _CALLED.append("called")


@pytest.fixture
def broker(world: BatchWorld) -> Redis:
    _CALLED.clear()
    return connect(world.queue_url)


def _store(broker: Redis, ident: str, **fields: Any) -> None:
    """One of our own jobs as RQ keeps it, with whatever other fields."""
    data = zlib.compress(json.dumps([Job.PUBLISH_CRLS.value, None, [], {}]).encode())
    usual: dict[Any, Any] = {"data": data, "origin": QUEUE_NAME, "status": "queued", "timeout": 60, "result_ttl": 0}
    usual.update(fields)
    broker.hset(f"rq:job:{ident}", mapping=usual)


def _left(broker: Redis) -> set[bytes]:
    return set(broker.scan_iter("rq:job:*"))


def _honest_work(world: BatchWorld) -> None:
    index = world.deposit_fresh(3)
    world.run_round()
    world.assert_complete(index, good=3)
    assert _CALLED == []


@pytest.mark.parametrize("callback", ["failure_callback_name", "stopped_callback_name", "success_callback_name"])
def test_an_abandoned_job_is_not_mourned(world: BatchWorld, broker: Redis, callback: str) -> None:
    """RQ calls what an abandoned job names when it cleans its registries, as each worker does when it starts."""
    _store(broker, "abandoned", **{callback: _CALLBACK, "failure_callback_timeout": 60, "status": "started"})
    broker.zadd(f"rq:wip:{QUEUE_NAME}", {"abandoned:execution": 1})
    _honest_work(world)


def test_a_stuck_job_is_not_mourned(world: BatchWorld, broker: Redis) -> None:
    _store(broker, "stuck", failure_callback_name=_CALLBACK, failure_callback_timeout=60)
    broker.rpush(f"rq:queue:{QUEUE_NAME}:intermediate", "stuck")
    broker.set(f"rq:queue:{QUEUE_NAME}:intermediate:first_seen:stuck", time.time() - 3_600)
    _honest_work(world)


def test_nobody_suspends_a_worker(world: BatchWorld, broker: Redis) -> None:
    broker.set("rq:suspended", 1)
    _honest_work(world)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"created_at": "hier"}, id="a date that is none"),
        pytest.param({"status": "nouveau"}, id="a status that is none"),
        pytest.param({"retries_left": "x"}, id="a number that is none"),
        pytest.param({"timeout": "longtemps"}, id="a time that is none"),
        pytest.param({"data": b"\x80\x04."}, id="bytes of another serializer"),
        pytest.param({"data": zlib.compress(b"[" * 100_000)}, id="a deep value"),
        pytest.param({"dependency_ids": "{"}, id="dependencies that are none"),
        pytest.param({"dependency_ids": '["absent"]'}, id="a dependency"),
        pytest.param({"group_id": "absent"}, id="a group that is not there"),
        pytest.param({"rate_limit_key": "key", "rate_limit_concurrency": 1}, id="a shared limit"),
        pytest.param({"retries_left": 1_000, "retry_intervals": "[0]"}, id="tried again"),
        pytest.param({"repeats_left": 1_000, "repeat_intervals": "[0]"}, id="repeated"),
        pytest.param({"failure_callback_name": b"\xff"}, id="a name that is no text"),
    ],
)
def test_a_spoilt_job_costs_no_other_its_turn(world: BatchWorld, broker: Redis, fields: dict[str, Any]) -> None:
    for number in range(5):
        _store(broker, f"spoilt-{number}", **fields)
        broker.lpush(f"rq:queue:{QUEUE_NAME}", f"spoilt-{number}")
    _honest_work(world)
    assert jobs_waiting(world.queue_url) == 0
    assert broker.llen(f"rq:queue:{QUEUE_NAME}:intermediate") == 0


@pytest.mark.parametrize("ident", [b"\xff\xfe", b"", b"a:b:c", b"../../x", b"x" * 100_000])
def test_an_id_that_is_none(world: BatchWorld, broker: Redis, ident: bytes) -> None:
    broker.lpush(f"rq:queue:{QUEUE_NAME}", ident, ident)
    _honest_work(world)


@pytest.mark.parametrize("timeout", [1, 0, -1, 10**12])
def test_the_queue_does_not_choose_how_long_a_job_may_take(
    world: BatchWorld, broker: Redis, timeout: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One second would end a worker in the middle of every list."""
    given: list[int] = []
    monkeypatch.setattr(worker_module._EndOfProcess, "setup_death_penalty", lambda self: given.append(self._timeout))
    _store(broker, "short", timeout=timeout)
    broker.lpush(f"rq:queue:{QUEUE_NAME}", "short")
    _honest_work(world)
    assert set(given) == {world.policy.job_seconds}


def test_what_is_done_leaves_nothing_behind(world: BatchWorld, broker: Redis) -> None:
    """Neither results nor dependents nor webhooks: a job is a wake-up call."""
    webhooks = json.dumps([{"url": "http://127.0.0.1:9/", "events": ["finished"], "statuses": ["finished"]}])
    _store(broker, "done", result_ttl=10**9)
    _store(broker, "hooked", webhooks=webhooks)
    _store(broker, "next")
    broker.sadd("rq:job:done:dependents", "next")
    broker.lpush(f"rq:queue:{QUEUE_NAME}", "done", "hooked")
    _honest_work(world)
    assert _left(broker) <= {b"rq:job:next", b"rq:job:done:dependents"}
    assert jobs_waiting(world.queue_url) == 0


def test_a_job_that_nobody_takes_is_forgotten_one_day(world: BatchWorld, broker: Redis) -> None:
    WorkQueue(broker).send(Job.SEAL_TRAIL)
    (key,) = _left(broker)
    assert 0 < broker.ttl(key) <= 24 * 3600


@pytest.mark.parametrize(
    "pairs",
    [[[2**63, 0]], [[0, 0]], [[-1, 0]], [[1, -1]], [[1, 2**31]], [[1, 0]] * 10_001],
    ids=lambda pairs: str(len(pairs)),
)
def test_numbers_that_no_row_can_have(world: BatchWorld, pairs: list[list[int]]) -> None:
    queue = RqQueue(QUEUE_NAME, connection=connect(world.queue_url), serializer=JSONSerializer)
    assert read_call(queue.enqueue_call(Job.RUN_TASKS.value, args=(pairs,))) is None

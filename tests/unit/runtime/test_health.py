"""The probes of load balancers, alone: what is shared, what is slow, what fails."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from runtime.listening.health import ALIVE, READY, Health
from runtime.listening.server import STOPPING


async def _inner(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"inner"})


async def ask(app: Health, path: str, method: str = "GET", state: dict[str, Any] | None = None) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    await app({"type": "http", "method": method, "path": path, "state": state or {}}, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


def test_a_thousand_who_ask_at_once_share_one_look() -> None:
    looks: list[int] = []

    async def crowd() -> list[tuple[int, bytes]]:
        app = Health(_inner, lambda: looks.append(1), fresh=60)
        return await asyncio.gather(*(ask(app, READY) for _ in range(1000)))

    assert set(asyncio.run(crowd())) == {(200, b"pret\n")}
    assert len(looks) == 1


def test_what_is_told_is_one_word_and_changes_when_it_is_old() -> None:
    words: list[str | None] = ["base", None]

    async def twice() -> list[tuple[int, bytes]]:
        app = Health(_inner, lambda: words.pop(0), fresh=0.0)
        return [await ask(app, READY), await ask(app, READY)]

    assert asyncio.run(twice()) == [(503, b"non pret : base\n"), (200, b"pret\n")]


def test_a_look_that_hangs_is_not_ready_and_is_not_begun_twice() -> None:
    end, looks = threading.Event(), []

    def hang() -> None:
        looks.append(1)
        end.wait(30)

    async def three() -> list[tuple[int, bytes]]:
        app = Health(_inner, hang, fresh=60, patience=0.05)
        found = list(await asyncio.gather(ask(app, READY), ask(app, READY)))
        found.append(await ask(app, ALIVE))
        looking = app._looking
        assert looking is not None
        end.set()
        await looking
        return [*found, await ask(app, READY)]

    slow, again, alive, after = asyncio.run(three())
    assert slow == again == (503, b"non pret : lent\n")
    assert (alive, after) == ((200, b"vivant\n"), (200, b"pret\n"))
    assert len(looks) == 1


def test_a_look_that_fails_tells_nothing_of_why() -> None:
    def fail() -> None:
        raise RuntimeError("password of the database")

    assert asyncio.run(ask(Health(_inner, fail), READY)) == (503, b"non pret : lent\n")


def test_who_stops_is_not_ready_and_everything_else_passes() -> None:
    app = Health(_inner, lambda: None)
    assert asyncio.run(ask(app, READY, state={STOPPING: lambda: True})) == (503, b"non pret : fin\n")
    assert asyncio.run(ask(app, ALIVE, state={STOPPING: lambda: True})) == (200, b"vivant\n")
    assert asyncio.run(ask(app, READY, "POST")) == (405, b"")
    assert asyncio.run(ask(app, READY, "HEAD")) == (200, b"")
    for path in ("/sante", "/sante/pret/", "/SANTE/PRET", "/"):
        assert asyncio.run(ask(app, path)) == (404, b"inner")

"""The floors of the tests: what each may need of the system, held while they run.

``tests/unit`` and ``tests/contract`` need Python and its packages, and start nothing else. On the other floors a test
that starts a program of the system says so, ``@pytest.mark.needs("openssl")`` with the names of Debian packages, which
also makes it one of the long ones: ``make test`` runs where nobody can install anything. A missing package is an error
that says what to install, here and in the continuous integration; no test is passed over.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import PACKAGE_OF, advice, missing

_TESTS = Path(__file__).parents[1]
_PURE = (_TESTS / "unit", _TESTS / "contract")
_SERVERS = {"service_set", "postgres_server", "embedded_queue", "tcp_queue"}


def is_pure(item: pytest.Item) -> bool:
    """Whether the test stands on a floor that needs Python alone."""
    return any(floor in item.path.parents for floor in _PURE)


def needs(item: pytest.Item) -> set[str]:
    """The Debian packages that the test asks for."""
    return {str(package) for mark in item.iter_markers("needs") for package in mark.args}


class _Started:
    """Refuses, in the test that does it, a program that the test did not ask for."""

    def __init__(self) -> None:
        self.item: pytest.Item | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "subprocess.Popen" or self.item is None:
            return
        program = Path(str(arguments[0])).name
        if is_pure(self.item):
            if str(arguments[0]) != sys.executable:
                pytest.fail(f"{program} is a program of the system: such tests stand in tests/integration")
        elif PACKAGE_OF.get(program, "") not in {"", *needs(self.item)}:
            pytest.fail(f'{program} is started without @pytest.mark.needs("{PACKAGE_OF[program]}")')


_started = _Started()
sys.addaudithook(_started)


def pytest_itemcollected(item: pytest.Item) -> None:
    """What needs a package is long, wherever it stands."""
    if needs(item):
        item.add_marker(pytest.mark.long)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Programs that are started from here on are those of this test."""
    _started.item = item
    try:
        return (yield)
    finally:
        _started.item = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say in one line what is not installed, or that the test stands on the wrong floor."""
    if is_pure(item) and (needs(item) or _SERVERS & set(getattr(item, "fixturenames", ()))):
        pytest.fail("needs more than Python: such tests stand in tests/integration", pytrace=False)
    if packages := missing(sorted(needs(item))):
        pytest.fail(advice(packages), pytrace=False)

"""The test hierarchy and openssl, for readers and stores that share nothing with the CA core."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from pki.authority import Authority
from tests.vectors.keys import key
from tests.vectors.samples import KeySigner, make_issuing


@pytest.fixture(scope="session")
def issuing() -> Authority:
    return make_issuing()


@pytest.fixture(scope="session")
def signer(issuing: Authority) -> KeySigner:
    return KeySigner(issuing.short_name, key("issuing"))


@pytest.fixture(scope="session")
def openssl() -> Callable[..., str]:
    """Runs openssl with arguments and standard input; fails with its own words."""

    def run(*arguments: str, data: bytes = b"") -> str:
        done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
        text = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode == 0, text
        return text

    return run

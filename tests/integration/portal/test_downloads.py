"""Certificates that a browser is given, opened by programs that know nothing of us: openssl and Java."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import requests
from cryptography import x509

from tests.integration.outside.java import COMMAND as JAVA
from tests.integration.portal.doors import all_rows
from tests.integration.portal.produits import active
from tests.integration.portal.walker import filled
from tests.integration.portal.world import PortalWorld

pytestmark = pytest.mark.needs("openssl", "default-jre-headless")
FILES = sorted(path for method, path in all_rows() if method == "GET" and path.endswith((".p7b", ".pem")))
NAME = re.compile(r'attachment; filename="([A-Za-z0-9_.-]+\.(?:p7b|pem))"')


@pytest.fixture(scope="module")
def numero(world: PortalWorld) -> int:
    """An active certificate that Camille Leroux has asked for and withdrawn."""
    return active(world, "Ouvert ailleurs")


@pytest.fixture(scope="module")
def given(world: PortalWorld, numero: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each file as it was saved, by the route that gave it."""
    folder, session = tmp_path_factory.mktemp("donnes"), world.session("dr-leroux")
    return {path: save(session.get(world.url + filled(path, str(numero))), folder, path) for path in FILES}


def save(answer: requests.Response, folder: Path, path: str) -> Path:
    assert answer.status_code == 200, path
    named = NAME.fullmatch(answer.headers["content-disposition"])
    assert named, answer.headers["content-disposition"]
    assert "TEST" in named[1], "what is worth nothing says so in its name"
    assert answer.headers["x-content-type-options"] == "nosniff"
    place = folder / str(len(list(folder.iterdir()))) / named[1]
    place.parent.mkdir()
    place.write_bytes(answer.content)
    return place


def openssl(*words: str, given: bytes = b"") -> str:
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True).stdout.decode()


def certificates_in(file: Path) -> list[str]:
    """The PEM of each certificate in the file, as openssl finds them."""
    text = file.read_text("latin-1")
    if file.suffix == ".p7b":
        form = "PEM" if "-----BEGIN" in text else "DER"
        text = openssl("pkcs7", "-inform", form, "-in", str(file), "-print_certs")
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)


def test_there_is_something_to_open() -> None:
    assert {path.rpartition(".")[2] for path in FILES} == {"p7b", "pem"}


def test_openssl_opens_them_and_finds_the_way_to_the_root(
    given: dict[str, Path], world: PortalWorld, tmp_path: Path
) -> None:
    chain = tmp_path / "chaine.pem"
    for path, file in given.items():
        leaf, *others = certificates_in(file)
        assert "CN = Ouvert ailleurs" in openssl("x509", "-noout", "-subject", given=leaf.encode()), path
        if file.suffix == ".pem" and not others:
            continue
        chain.write_text("\n".join(others))
        words = ("-CAfile", str(world.root), "-untrusted", str(chain), "-purpose", "any")
        (tmp_path / "leaf.pem").write_text(leaf)
        assert openssl("verify", *words, str(tmp_path / "leaf.pem")).strip().endswith(": OK"), path


def test_java_opens_them(given: dict[str, Path]) -> None:
    commands = "".join(f"pkcs7\t{file}\n" for file in given.values())
    done = subprocess.run(JAVA, input=commands, capture_output=True, text=True, check=True, timeout=120)
    for (path, file), answer in zip(given.items(), done.stdout.splitlines(), strict=True):
        serials = [x509.load_pem_x509_certificate(pem.encode()).serial_number for pem in certificates_in(file)]
        assert sorted(int(serial, 16) for serial in answer.split(",")) == sorted(serials), (path, answer)

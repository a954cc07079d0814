"""Java as a reader: one start of its machine answers everything that the tests of a session ask."""

from __future__ import annotations

import subprocess
from functools import cached_property
from pathlib import Path

from tests.integration.outside.material import BROKEN, CRLS, GOOD, PASSWORD, REVOKED, UNHEARD, Material
from tests.integration.outside.readers import GOOD as IS_GOOD
from tests.integration.outside.readers import REFUSED, UNKNOWN
from tests.integration.outside.readers import REVOKED as IS_REVOKED

_SOURCE = Path(__file__).parents[2] / "support" / "java" / "OutsideReader.java"
# The quick compiler only, and no search for the best collector: a machine of two seconds. keytool runs inside it.
COMMAND = (
    "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
    "--add-exports", "java.base/sun.security.tools.keytool=ALL-UNNAMED", str(_SOURCE),
)  # fmt: skip
_KEYTOOL = ("-keystore", "alone.p12", "-storepass", PASSWORD)
_PATH = ("issuing.der", "root.der")


class Java:
    """The libraries of Java (CertPathValidator, CertificateFactory, KeyStore) and keytool."""

    def __init__(self, material: Material, url: str) -> None:
        self.material = material
        self.url = url

    @cached_property
    def _answers(self) -> dict[tuple[str, ...], str]:
        commands = list(self._commands())
        done = subprocess.run(
            COMMAND, cwd=self.material.folder, input="".join("\t".join(one) + "\n" for one in commands),
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        lines = done.stdout.splitlines()
        assert (done.returncode, len(lines)) == (0, len(commands)), done.stdout + done.stderr
        return dict(zip(commands, lines, strict=True))

    def _commands(self) -> list[tuple[str, ...]]:
        names = [*self.material.leafs, "issuing", "root"]
        statuses = (GOOD, REVOKED, UNHEARD)
        return [
            *(("certificate", f"{name}.der") for name in names),
            *(("path", f"{leaf}.der", *_PATH) for leaf in (*self.material.leafs, BROKEN)),
            *(("crl", f"crl-{kind}.der", "issuing.der") for kind in CRLS),
            *(("path-crl", f"{leaf}.der", *_PATH, f"crl-{kind}.der") for leaf in (GOOD, REVOKED) for kind in CRLS),
            *(("path-stapled", f"{leaf}.der", *_PATH, f"ocsp-{name}.der") for leaf in statuses for name in _ANSWERS),
            *(("path-ocsp", f"{leaf}.der", *_PATH, self.url) for leaf in statuses),
            ("pkcs7", "chain.p7b"),
            *(("pkcs12", f"{form}.p12", PASSWORD) for form in ("modern", "legacy")),
            *_KEYTOOL_ACTS,
        ]

    def certificate(self, name: str) -> str:
        return self._answers["certificate", f"{name}.der"]

    def chain(self, leaf: str) -> bool:
        return self._status("path", f"{leaf}.der", *_PATH) == IS_GOOD

    def crl(self, kind: str) -> str:
        return self._answers["crl", f"crl-{kind}.der", "issuing.der"]

    def status_by_crl(self, leaf: str, *kinds: str) -> str:
        (kind,) = kinds
        return self._status("path-crl", f"{leaf}.der", *_PATH, f"crl-{kind}.der")

    def status_in_answer(self, name: str, leaf: str) -> str:
        return self._status("path-stapled", f"{leaf}.der", *_PATH, f"ocsp-{name}.der")

    def status_live(self, leaf: str, url: str) -> str:
        return self._status("path-ocsp", f"{leaf}.der", *_PATH, url)

    def _status(self, *command: str) -> str:
        said = self._answers[command]
        if said == IS_GOOD:
            return IS_GOOD
        if said == f"revoked SUPERSEDED {int(self.material.revoked_at.timestamp())}":
            return IS_REVOKED
        return UNKNOWN if said.endswith("revocation status is unknown") else REFUSED

    def pkcs7(self) -> list[int]:
        return [int(serial, 16) for serial in self._answers["pkcs7", "chain.p7b"].split(",")]

    def pkcs12(self, form: str) -> int:
        entries, alias, signs, chain = self._answers["pkcs12", f"{form}.p12", PASSWORD].split("|")
        assert (entries, alias, signs) == ("1", "appli", "true")
        return len(chain.split(","))

    def keytool(self) -> list[str]:
        """What keytool says when the reply of the plateforme is taken into the key store of who made the key."""
        return [self._answers[act] for act in _KEYTOOL_ACTS]


_ANSWERS = ("good", "revoked", "unknown")
_KEYTOOL_ACTS = (
    ("keytool", "-importcert", "-noprompt", "-file", "chain.p7b", "-alias", "appli", *_KEYTOOL),
    ("keytool", "-list", "-v", *_KEYTOOL),
    ("keytool", "-printcert", "-file", "chain.p7b"),
    ("keytool", "-printcrl", "-file", "crl-full.der"),
)

"""Whose client certificates a server says that it accepts, as openssl reads it from the handshake."""

from __future__ import annotations

import re
import subprocess


def named_authorities(port: int, version: str) -> list[str]:
    """Common names in the order of the handshake; ``version`` is an option of s_client."""
    seen = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, "-nameopt", "multiline"],
        input=b"",
        capture_output=True,
        check=False,
    ).stdout.decode()
    told = seen.partition("Acceptable client certificate CA names\n")[2].partition("Requested Signature")[0]
    return re.findall(r"commonName *= (.*)", told)

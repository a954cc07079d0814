"""Which process loads what could sign: found out in a process of its own, since here everything is loaded.

The portal is made of the same parts as the service web.
"""

import subprocess
import sys

_PROGRAM = """
import sys
from commands.processes import publication, relay, ws
print(*sorted(name for name in sys.modules if name.split(".")[:3] == ["pki", "issuing", "signers"] or name == "pkcs11"))
import commands.signing_keys
print(*sorted(name for name in sys.modules if name.split(".")[:3] == ["pki", "issuing", "signers"] or name == "pkcs11"))
"""


def test_no_process_but_the_batch_and_the_ceremony_loads_a_signer() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    before, after = done.stdout.splitlines()
    # The port says what a signer is, and is none.
    assert before.split() == []
    assert {"pki.issuing.signers.software", "pki.issuing.signers.pkcs11", "pkcs11"} <= set(after.split())

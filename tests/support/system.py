"""What tests need of the system beyond Python and its packages, by Debian package.

``python -m tests.support.system`` prints the packages that are missing here; ``scripts/system-packages.sh`` installs
them. Needs the standard library alone, so that it can be asked before anything is installed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

# The programs by which a package is known to be there, and which no test may start without saying so.
PROGRAMS = {
    "openssl": ("openssl",),
    "gnutls-bin": ("certtool", "ocsptool"),
    "libnss3-tools": ("certutil", "crlutil", "modutil", "nss-pp", "ocspclnt", "pk12util", "vfychain"),
    "sqlite3": ("sqlite3",),
    "softhsm2": ("softhsm2-util",),
    # The run-time part is enough: Debian keeps the compiler's module in it, which a single source file is run with.
    "default-jre-headless": ("java", "keytool"),
    "npm": ("npm",),
    "chromium": ("chromium",),
    "firefox-esr": ("firefox-esr",),
    # A card, and a screen for the person who types its code.
    "opensc": ("opensc-tool", "pkcs11-tool", "pkcs15-tool"),
    "xvfb": ("Xvfb",),
    "openbox": ("openbox",),
    "xdotool": ("xdotool",),
}
# Known by a file of theirs (``*`` for the name of the machine): servers that stand outside of PATH, libraries that
# others load, and what python-ldap is compiled against (make ldap).
FILES = {
    "pcscd": "/usr/sbin/pcscd",
    "vsmartcard-vpcd": "/usr/lib/pcsc/drivers/serial/libifdvpcd.so",
    "opensc-pkcs11": "/usr/lib/*/opensc-pkcs11.so",
    "slapd": "/usr/sbin/slapd",
    "libldap-dev": "/usr/include/ldap.h",
    "libsasl2-dev": "/usr/include/sasl/sasl.h",
}
PACKAGE_OF = {program: package for package, programs in PROGRAMS.items() for program in programs}


def missing(packages: Iterable[str] = (*PROGRAMS, *FILES)) -> list[str]:
    """Those of the packages of which something cannot be found; KeyError for one that no table knows."""
    return [package for package in packages if not _is_there(package)]


def _is_there(package: str) -> bool:
    if package in FILES:
        return bool(list(Path("/").glob(FILES[package][1:])))
    return all(shutil.which(program) for program in PROGRAMS[package])


def advice(packages: Iterable[str]) -> str:
    """One line that tells whoever runs the tests what to install."""
    names = " ".join(packages)
    return f"Il manque {names} : sudo apt-get install -y --no-install-recommends {names} (ou make system-packages)"


if __name__ == "__main__":
    sys.stdout.write(" ".join(missing()))

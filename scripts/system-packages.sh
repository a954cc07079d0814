#!/usr/bin/env bash
# What `make test-long` needs from the system, beyond Python, is listed in tests/support/system.py: openssl, GnuTLS, the
# tools of NSS and a Java (check certificates, CRLs, OCSP answers and key stores from outside), SoftHSM2 (a PKCS#11
# token), a Chromium, a Firefox and npm (drive the portal), a card reader and a screen (log in with a card). Missing
# ones are installed when this can be done, otherwise named; the tests never do without.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

read -ra missing <<<"$("${PYTHON:-python3.11}" -m tests.support.system)"
[ "${#missing[@]}" -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "Paquets système manquants : ${missing[*]}. Installez-les avec l'outil de votre distribution." >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "Paquets système manquants. Lancez : sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "Installation des paquets système : ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"

#!/usr/bin/env bash
# What `make test` needs from the system, beyond Python: openssl, GnuTLS, the tools of NSS and a Java (check certificates,
# CRLs, OCSP answers and key stores from outside), SoftHSM2 (a PKCS#11 token) and a Chromium (drives the portal). Missing
# ones are installed when this can be done, otherwise named; the tests never do without.
set -euo pipefail

missing=()
command -v openssl >/dev/null || missing+=(openssl)
command -v ocsptool >/dev/null || missing+=(gnutls-bin)
command -v softhsm2-util >/dev/null || missing+=(softhsm2)
command -v pk12util >/dev/null && command -v nss-pp >/dev/null || missing+=(libnss3-tools)
# The run-time part is enough: Debian keeps the compiler's module in it, which a single source file is run with.
command -v java >/dev/null || missing+=(default-jre-headless)
command -v npm >/dev/null || missing+=(npm)
[ -x /usr/bin/chromium ] || missing+=(chromium)
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

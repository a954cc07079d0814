"""The readers from outside, each driven the same way: openssl, GnuTLS, NSS. Java has its own program, see java.py.

A reader answers with what its tool printed or decided; nothing of the plateforme's own code reads here.
"""

from __future__ import annotations

import re
import subprocess
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from tests.integration.outside.material import PASSWORD, Material

GOOD, REVOKED, UNKNOWN, REFUSED = "good", "revoked", "unknown", "refused"
PURPOSES = ("client", "server", "sign", "encrypt")


def run(*command: str, folder: Path, data: bytes = b"") -> subprocess.CompletedProcess[str]:
    """The tool's end and its words, standard and error output together; a missing tool is an error of the test."""
    done = subprocess.run(command, cwd=folder, input=data, capture_output=True, check=False, timeout=60)
    said = (done.stdout + done.stderr).decode(errors="replace")
    return subprocess.CompletedProcess(command, done.returncode, said)


def _serials(said: str) -> list[int]:
    """Of the certificates that a tool prints in PEM, in its order."""
    return [
        x509.load_pem_x509_certificate(block.encode()).serial_number
        for block in re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", said, re.DOTALL)
    ]


class Reader:
    """What every reader can do; ``must`` gives the words of a tool that succeeded."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.folder = material.folder

    def may(self, *command: str, data: bytes = b"") -> subprocess.CompletedProcess[str]:
        return run(*command, folder=self.folder, data=data)

    def must(self, *command: str, data: bytes = b"") -> str:
        done = self.may(*command, data=data)
        assert done.returncode == 0, done.stdout
        return done.stdout


class Openssl(Reader):
    """OpenSSL's command line, strict about RFC 5280 where it can be."""

    def certificate(self, name: str) -> str:
        return self.must("openssl", "x509", "-in", f"{name}.pem", "-noout", "-text", "-nameopt", "utf8,sep_comma_plus")

    def purposes(self, leafs: list[str]) -> dict[str, set[str]]:
        accepted = {
            purpose: self._verify(leafs, "-purpose", flag).stdout
            for purpose, flag in zip(PURPOSES, ("sslclient", "sslserver", "smimesign", "smimeencrypt"), strict=True)
        }
        return {leaf: {one for one, said in accepted.items() if f"\n{leaf}.pem: OK\n" in f"\n{said}"} for leaf in leafs}

    def _verify(self, leafs: list[str], *options: str) -> subprocess.CompletedProcess[str]:
        return self.may(
            "openssl", "verify", "-x509_strict", *options, "-CAfile", "root.pem", "-untrusted", "issuing.pem",
            *(f"{leaf}.pem" for leaf in leafs),
        )  # fmt: skip

    def chain(self, leaf: str) -> bool:
        return self._verify([leaf]).returncode == 0

    def crl(self, kind: str) -> str:
        said = self.must("openssl", "crl", "-in", f"crl-{kind}.pem", "-noout", "-text", "-CAfile", "issuing.pem")
        assert "verify OK" in said
        return said

    def status_by_crl(self, leaf: str, *kinds: str) -> str:
        options = ["-crl_check"] if len(kinds) == 1 else ["-crl_check", "-extended_crl", "-use_deltas"]
        for kind in kinds:
            options += ["-CRLfile", f"crl-{kind}.pem"]
        done = self._verify([leaf], *options)
        if "certificate revoked" in done.stdout:
            return REVOKED
        return GOOD if done.returncode == 0 else REFUSED

    def status_in_answer(self, name: str, leaf: str) -> str:
        return self._ocsp(leaf, "-respin", f"ocsp-{name}.der", "-no_nonce")

    def status_live(self, leaf: str, url: str) -> str:
        return self._ocsp(leaf, "-url", url)

    def _ocsp(self, leaf: str, *options: str) -> str:
        said = self.must(
            "openssl", "ocsp", "-issuer", "issuing.pem", "-cert", f"{leaf}.pem", "-CAfile", "root.pem", *options
        )
        assert "Response verify OK" in said
        (status,) = re.findall(rf"^{re.escape(leaf)}\.pem: (\w+)$", said, re.MULTILINE)
        assert ("Reason: superseded" in said) is (status == REVOKED)
        return str(status)

    def pkcs7(self) -> list[int]:
        return _serials(self.must("openssl", "pkcs7", "-in", "chain.p7b", "-inform", "DER", "-print_certs"))

    def pkcs12(self, form: str) -> int:
        # Its default provider knows the old form's algorithms no more.
        old = ["-legacy"] if form == "legacy" else []
        said = self.must("openssl", "pkcs12", "-in", f"{form}.p12", "-noenc", "-passin", f"pass:{PASSWORD}", *old)
        assert "friendlyName: appli" in said
        assert "BEGIN PRIVATE KEY" in said
        return said.count("BEGIN CERTIFICATE")


class Gnutls(Reader):
    """GnuTLS: certtool and ocsptool."""

    def certificate(self, name: str) -> str:
        return self.must("certtool", "--certificate-info", "--infile", f"{name}.pem")

    def chain(self, leaf: str) -> bool:
        return self._verify(leaf) == GOOD

    def _verify(self, leaf: str, *options: str) -> str:
        chain = b"".join((self.folder / f"{name}.pem").read_bytes() for name in (leaf, "issuing", "root"))
        said = self.may("certtool", "--verify", "--load-ca-certificate", "root.pem", *options, data=chain).stdout
        if "Chain verification output: Verified. The certificate is trusted." in said:
            return GOOD
        assert "Chain verification output: Not verified." in said, said
        return REVOKED if "The certificate chain is revoked." in said else REFUSED

    def crl(self, kind: str) -> str:
        said = self.must(
            "certtool", "--verify-crl", "--load-ca-certificate", "issuing.pem", "--infile", f"crl-{kind}.pem"
        )
        assert "Verification output: Verified." in said
        return self.must("certtool", "--crl-info", "--infile", f"crl-{kind}.pem")

    def status_by_crl(self, leaf: str, *kinds: str) -> str:
        (kind,) = kinds
        return self._verify(leaf, "--load-crl", f"crl-{kind}.pem")

    def status_in_answer(self, name: str, leaf: str) -> str:
        said = self.must(
            "ocsptool", "--verify-response", "--infile", f"ocsp-{name}.der", "--load-signer", "issuing.pem"
        )
        return self._status(said + self.must("ocsptool", "--response-info", "--inder", "--infile", f"ocsp-{name}.der"))

    def status_live(self, leaf: str, url: str) -> str:
        command = [f"--ask={url}", "--load-cert", f"{leaf}.pem", "--load-issuer", "issuing.pem", "--nonce"]
        return self._status(self.may("ocsptool", *command, "--load-signer", "issuing.pem").stdout)

    def _status(self, said: str) -> str:
        assert "Verifying OCSP Response: Success." in said, said
        (status,) = set(re.findall(r"Certificate Status: (\w+)", said))
        return str(status)

    def pkcs7(self) -> list[int]:
        said = self.must("certtool", "--p7-info", "--inder", "--infile", "chain.p7b")
        assert "Number of certificates: 3" in said
        return _serials(said)

    def pkcs12(self, form: str) -> int:
        said = self.must("certtool", "--p12-info", "--inder", "--infile", f"{form}.p12", "--password", PASSWORD)
        assert said.count("Friendly name: appli") == 2  # of the certificate and of its key
        assert "ENCRYPTED PRIVATE KEY" in said
        return said.count("BEGIN CERTIFICATE")


class Nss(Reader):
    """The tools of NSS, each test on a store that trusts the root. NSS takes neither deltas nor partitioned CRLs."""

    @cached_property
    def store(self) -> str:
        folder = self.folder / "nss"
        folder.mkdir()
        self.must("certutil", "-N", "--empty-password", "-d", "sql:nss")
        for name, trust in (("root", "CT,C,C"), ("issuing", ",,")):
            self.must("certutil", "-A", "-n", name, "-t", trust, "-i", f"{name}.der", "-d", "sql:nss")
        return "sql:nss"

    def certificate(self, name: str) -> str:
        return self.must("nss-pp", "-w", "-u", "-t", "certificate", "-i", f"{name}.der")

    def purposes(self, leafs: list[str]) -> dict[str, set[str]]:
        usages = dict(zip(PURPOSES, ("0", "1", "4", "5"), strict=True))
        return {leaf: {one for one, usage in usages.items() if self._accepts(leaf, usage)} for leaf in leafs}

    def _accepts(self, leaf: str, usage: str) -> bool:
        chain = [f"{leaf}.der", "issuing.der", "-t", "root.der"]
        return "Chain is good!" in self.may("vfychain", "-d", self.store, "-u", usage, "-pp", *chain).stdout

    def chain(self, leaf: str) -> bool:
        return self._accepts(leaf, "12")  # whatever signs or identifies

    def crl(self, kind: str) -> str:
        return self.must("nss-pp", "-t", "crl", "-i", f"crl-{kind}.der")

    def status_by_crl(self, leaf: str, *kinds: str) -> str:
        self._add(leaf)
        (kind,) = kinds
        done = self.may("crlutil", "-I", "-i", f"crl-{kind}.der", "-d", self.store)
        if done.returncode != 0:
            return REFUSED
        usage = "S" if leaf == "ps-sign" else "C"
        said = self.may("certutil", "-V", "-n", leaf, "-u", usage, "-d", self.store).stdout
        self.must("crlutil", "-D", "-n", "issuing", "-d", self.store)
        if "certificate is valid" in said:
            return GOOD
        assert "Peer's Certificate has been revoked." in said, said
        return REVOKED

    def _add(self, leaf: str) -> None:
        self.must("certutil", "-A", "-n", leaf, "-t", ",,", "-i", f"{leaf}.der", "-d", self.store)

    def status_in_answer(self, name: str, leaf: str) -> str:
        # Read, not judged: the tool judges what it fetches itself, see status_live.
        said = self.must("sh", "-c", f"ocspclnt -P -d {self.store} < ocsp-{name}.der")
        (status,) = re.findall(r"Status: Cert (?:is|has been) (\w+)", said)
        return str(status)

    def status_live(self, leaf: str, url: str) -> str:
        self._add(leaf)
        said = self.may("ocspclnt", "-S", leaf, "-l", url, "-t", "issuing", "-d", self.store).stdout
        for words, status in (
            ("succeeded.", GOOD),
            ("Peer's Certificate has been revoked.", REVOKED),
            ("The OCSP server has no status for the certificate.", UNKNOWN),
        ):
            if words in said:
                return status
        return REFUSED

    def pkcs7(self) -> list[int]:
        said = self.must("nss-pp", "-t", "pkcs7", "-i", "chain.p7b")
        known = {one.fingerprint(SHA256()).hex().upper(): one.serial_number for one in self.material.chain}
        prints = re.findall(r"Fingerprint \(SHA-256\):([0-9A-F:\s]+)Fingerprint", said)
        return [known[re.sub(r"[:\s]", "", text)] for text in prints]

    def pkcs12(self, form: str) -> int:
        said = self.must("pk12util", "-l", f"{form}.p12", "-w", "password", "-d", self.store)
        assert said.count("Friendly Name: appli") == 2
        assert "Certificate(has private key):" in said
        return len(re.findall(r"^Certificate", said, re.MULTILINE))

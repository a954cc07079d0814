"""Certificates of the platform's own TLS listeners: which are due, and their renewal by the road of all others.

A certificate that another CA has issued is never touched. The former certificate is not revoked: it is good until its
end, in listeners that have not taken up the new one yet.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from batch.context import WorkerContext
from batch.issuing.own_certificates import enroll, revocation_of
from commands.ceremony.tls_pair import TlsPair, locked
from pki.authority import Authority, find_issuer
from pki.ceremony.configuration import CeremonyConfig, ServerConfig
from pki.ceremony.record import Protocol
from pki.certificates.content import CertificateContent, check_content, encode_subject
from pki.certificates.serials import serial_hex
from pki.errors import AuthorityError, CeremonyError, NoIssuerError, ProfileError
from pki.issuing.issuance import term_end
from pki.refusals_in_french import reason_told
from registration.vocabulary import Plateforme

_PRODUCT = "TLS_SERVER"
_CREATED = "créé"
_DATE = "%d/%m/%Y"


@dataclass(frozen=True, slots=True)
class Look:
    """What became of one listener's certificate; both texts are French, for the operator.

    ``done`` says why it was made or replaced, ``left`` why it could not be and was left as it is. Without either it
    is good.
    """

    certificate: Path
    done: str | None = None
    left: str | None = None


class _LeftError(Exception):
    """Nothing is done with this certificate; the message is for the operator."""


class TlsRenewal:
    """Looks after the certificates of ``[[servers]]``, which are ``<name>.pem`` and ``<name>.key`` in ``folder``."""

    def __init__(
        self, context: WorkerContext, ceremony: CeremonyConfig, folder: Path, margin: timedelta, protocol: Protocol
    ) -> None:
        """A certificate that ends within ``margin`` is due; every new one is a line of ``protocol``."""
        self._context = context
        self._ceremony = ceremony
        self._folder = folder
        self._margin = margin
        self._protocol = protocol
        self._revoked = frozenset(int(entry.serial, 16) for entry in ceremony.root.revoked)

    def run(self) -> list[Look]:
        """Make what is missing and replace what is due, one after the other; gives one look for each server.

        CeremonyError when somebody else is at it, or a key cannot be read.
        """
        with locked(self._folder):
            return [self._look_after(server) for server in self._ceremony.servers]

    def _look_after(self, server: ServerConfig) -> Look:
        pair = TlsPair(self._folder / f"{server.name}.pem", self._folder / f"{server.name}.key")
        finished = "remplacement interrompu, achevé" if pair.finish() else None
        try:
            reason = self._why(pair, _content(server))
            if reason is None:
                return Look(pair.certificate, done=finished)
            self._check_issuer()
            self._renew(server, pair, reason)
        except _LeftError as left:
            return Look(pair.certificate, done=finished, left=str(left))
        except ProfileError as error:
            return Look(
                pair.certificate,
                done=finished,
                left=f"refusé par le profil {_PRODUCT} : {error.field}, {reason_told(error)}",
            )
        return Look(pair.certificate, done=reason if reason == _CREATED else f"refait : {reason}")

    def _why(self, pair: TlsPair, content: CertificateContent) -> str | None:
        """Why the certificate has to be made anew; None when it is what the ceremony's file asks for, and lasts."""
        try:
            certificate = pair.read()
        except CeremonyError:
            raise _LeftError("fichier illisible : l'écarter, puis relancer") from None
        if certificate is None:
            return _CREATED
        try:
            issuer = find_issuer(self._context.authorities, certificate)
        except AuthorityError:
            raise _LeftError("délivré par une autre AC : à renouveler auprès d'elle, ou à écarter") from None
        if not pair.fits(certificate):
            return "clé absente ou d'un autre certificat"
        if self._is_revoked(issuer):
            return f"AC {issuer.short_name} révoquée"
        if not _says(certificate, content, issuer):
            return "autres noms dans le fichier de cérémonie"
        return self._status(issuer, certificate) or self._end(certificate)

    def _is_revoked(self, issuer: Authority) -> bool:
        """By the ceremony's file, which may be ahead of the list that will be carried, or by the list of the root."""
        revoked = self._context.lists.revoked_authorities()
        return issuer.certificate.serial_number in self._revoked or issuer.short_name in revoked

    def _status(self, issuer: Authority, certificate: x509.Certificate) -> str | None:
        try:
            revoked = revocation_of(self._context.db, issuer.short_name, serial_hex(certificate.serial_number))
        except LookupError:
            return "inconnu de la base"
        return None if revoked is None else f"révoqué le {revoked:{_DATE}}"

    def _end(self, certificate: x509.Certificate) -> str | None:
        now, end = self._context.clock(), certificate.not_valid_after_utc
        if end - now >= self._margin:
            return None
        # Otherwise a CA near its own end would be asked for the same short certificate again and again.
        issuer = self._issuer()
        if min(term_end(issuer, _PRODUCT, now), issuer.not_after) <= end:
            raise _LeftError(f"finit le {end:{_DATE}} avec l'AC {issuer.short_name} : lui faire une nouvelle clé")
        return f"fin de validité le {end:{_DATE}}"

    def _issuer(self) -> Authority:
        try:
            return self._context.issuer_of(Plateforme(self._ceremony.plateforme), _PRODUCT)
        except NoIssuerError:
            raise _LeftError(f"aucune AC en service ici n'émet {_PRODUCT}") from None

    def _check_issuer(self) -> None:
        issuer = self._issuer()
        if issuer.certificate.serial_number in self._revoked:
            raise _LeftError(f"AC {issuer.short_name} révoquée : lui faire une nouvelle clé")

    def _renew(self, server: ServerConfig, pair: TlsPair, reason: str) -> None:
        enrolled = enroll(self._context, Plateforme(self._ceremony.plateforme), _content(server))
        pair.replace(enrolled.key_pem, enrolled.chain_pem)
        self._protocol.note(
            "tls",
            name=server.name,
            authority=enrolled.authority.short_name,
            sha256=hashlib.sha256(enrolled.der).hexdigest(),
            reason=reason,
        )


def _content(server: ServerConfig) -> CertificateContent:
    return CertificateContent(
        product=_PRODUCT,
        common_name=server.dns_names[0],
        dns_names=server.dns_names,
        ip_addresses=server.ip_addresses,
        state=server.state,
        organization=server.organization,
        organizational_unit=server.organizational_unit,
    )


def _says(certificate: x509.Certificate, content: CertificateContent, issuer: Authority) -> bool:
    """Whether subject and alternative names are those that would be written today."""
    subject = encode_subject(content, check_content(content), issuer.settings.organization_length)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    return (
        certificate.subject.public_bytes() == subject
        and names.get_values_for_type(x509.DNSName) == list(content.dns_names)
        and names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(text) for text in content.ip_addresses]
    )

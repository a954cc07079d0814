"""What can go wrong for a caller of the service: the five faults of the contract, and what surrounds them.

``str(error)`` is French and safe to show: no secret, no text of a library.
"""

from __future__ import annotations

import msgspec


class IgcClientError(Exception):
    """Root of every error raised by this package."""


class ServiceFault(IgcClientError):  # noqa: N818 -- the contract names its faults without a suffix
    """A typed fault of the contract: stable ``code``, French ``texte``, and the place in the message.

    ``position`` is the 1-based place of the demande in its lot, ``champ`` the contract's name of the field,
    ``incident`` the number to quote to the support.
    """

    def __init__(
        self,
        code: str,
        texte: str,
        *,
        position: int | None = None,
        champ: str | None = None,
        incident: str | None = None,
    ) -> None:
        self.code = code
        self.texte = texte
        self.position = position
        self.champ = champ
        self.incident = incident
        place = [f"demande {position}"] if position is not None else []
        place += [f"champ {champ}"] if champ else []
        place += [f"incident {incident}"] if incident else []
        super().__init__(f"{code} : {texte}" + (f" ({', '.join(place)})" if place else ""))


class Faute(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fault of a message: where it is, what is wrong, what was received and what is allowed."""

    code: str
    champ: str
    texte: str
    position: int | None = None
    valeur: str | None = None
    forme: str | None = None

    def __str__(self) -> str:
        place = f"demande {self.position}, " if self.position is not None else ""
        received = f" Reçu : « {self.valeur} »." if self.valeur else ""
        wanted = f" Permis : {self.forme}." if self.forme else ""
        return f"{place}champ {self.champ} : {self.texte}{received}{wanted}"


class MessageRefuse(ServiceFault):
    """The message must be corrected; nothing was recorded.

    ``fautes`` are the first faults of one that breaks the published schema, ``autres_fautes`` how many came after them.
    """

    fautes: tuple[Faute, ...] = ()
    autres_fautes: int = 0


class AccesRefuse(ServiceFault):
    """The sender is not recognised or has no right; repeating the call changes nothing."""


class Introuvable(ServiceFault):
    """Nothing visible to the sender has this identifier."""


class Conflit(ServiceFault):
    """The state of the plateforme opposes the operation (reference already used, withdrawal too early...)."""


class ErreurTechnique(ServiceFault):
    """A passing or internal failure: the call may be repeated, and was, up to the retry policy's limit."""


class ConnectionLostError(IgcClientError):
    """The service did not answer: refused, dropped, timed out. Every operation may be sent again."""


class ServerNotTrustedError(IgcClientError):
    """The server's certificate does not come from the configured CA or names another host."""


class CertificateRefusedError(IgcClientError):
    """The TLS handshake ended because of our client certificate: absent, expired, revoked or of another CA."""


class UnexpectedAnswerError(IgcClientError):
    """Something answered, but not in the words of the contract: a proxy, a wrong URL, another version."""


class SettingsError(IgcClientError):
    """The client is badly configured: unknown key, missing file, key that does not fit its certificate."""


class StateError(IgcClientError):
    """The file that remembers a run cannot be used: damaged, or written for another content."""

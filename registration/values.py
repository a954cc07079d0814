"""What a canal hands over: the request as the sender wrote it, before any rule has looked at it.

Both canals build the same ``DemandeForm``; msgspec encodes it for the stored pages of a lot.
"""

from __future__ import annotations

import hashlib

import msgspec

from registration.vocabulary import Canal, NatureTexte, Plateforme, TypeActeurInscrit


class DemandeForm(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One request for a certificate, field by field as in the contract (guide §8.1.3, §8.2.3, §8.3.3, §8.4.3).

    Whatever is wrong with a field is the rules' to say, of this one demande: ``offre`` and ``usage`` are any text
    (``vocabulary.offre_of``), a field that was given empty is an empty text and one that is absent None. ``csr`` is the
    PKCS#10 in DER; ``csr_text`` stands for it when what was written where its base64 is expected is none.

    A renewal (guide §8.6) names the certificate, by ``renouvelle``, the N° produit, or by authority and serial, and has
    no field of the product; a contact that is absent is that of the demande it renews, unless ``sans_informe``: a form
    of the portal shows it, and whoever empties its field wants nobody informed. ``csr_assistee`` says that the page of
    the portal made the CSR (guide §8.1.4.2): what tells the withdrawal where the key is, and no rule asks it.
    """

    offre: str | None = None
    usage: str | None = None
    csr: bytes | None = None
    csr_text: str | None = None
    email_acteur: str | None = None
    reference: str | None = None
    structure: str | None = None
    beneficiaire: str | None = None
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdns: tuple[str, ...] = ()
    upn: str | None = None
    email_informe: str | None = None
    renouvelle: str | None = None
    renouvelle_autorite: str | None = None
    renouvelle_serie: str | None = None
    csr_assistee: bool = False
    sans_informe: bool = False

    @property
    def renews(self) -> bool:
        """Whether it names a certificate to renew, rightly or not."""
        return self.renouvelle is not None or self.renouvelle_serie is not None or self.renouvelle_autorite is not None


class LotForm(msgspec.Struct, frozen=True, kw_only=True):
    """A lot as handed over by a canal: the sender's own reference and its items, 1 to 10 000."""

    reference: str
    demandes: tuple[DemandeForm, ...]


UNSEEN = 0
"""The id of a person of whom no row says anything yet: it is that of no row."""


class RevocationForm(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One demande de révocation, field by field as in the contract (guide §11.1); its fields are judged by the rules.

    The certificate is named by ``numero``, that of its demande, or by ``autorite`` and ``serie``; a ``numero`` that is
    a text is what somebody wrote who meant a number. ``date_effet`` is a day, absent for a revocation at once.
    ``en_tant_que`` says in which role who has two of them acts.
    """

    numero: int | str | None = None
    autorite: str | None = None
    serie: str | None = None
    motif: str | None = None
    autre_motif: str | None = None
    date_effet: str | None = None
    en_tant_que: str | None = None
    email: str | None = None
    confirmation: bool = False
    reference: str | None = None


class RevocationLotForm(msgspec.Struct, frozen=True, kw_only=True):
    """A lot of demandes de révocation: the sender's own reference and its items, 1 to 10 000."""

    reference: str
    revocations: tuple[RevocationForm, ...]


class Acteur(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts on one plateforme: a person by his national id, or an application, registered by (issuer, serial).

    ``type_personne`` is that of the card that was presented. ``id`` is UNSEEN for a person who has not acted yet.
    """

    id: int
    plateforme: Plateforme
    type_acteur: TypeActeurInscrit
    id_national: str | None
    libelle: str
    type_personne: str | None = None

    @property
    def is_nobody(self) -> bool:
        """Whether nothing at all is known of him, see ``porteur_du_code``."""
        return self.id == UNSEEN and self.id_national is None

    @property
    def key(self) -> str:
        """What tells him from every other acteur of the plateforme, whether or not he has a row."""
        return f"{self.type_acteur.value} {self.id_national or self.id}"


def porteur_du_code(plateforme: Plateforme) -> Acteur:
    """Whoever proves to know the revocation code of a certificate, without login: no row, no name (ours, domain.md)."""
    return Acteur(
        id=UNSEEN, plateforme=plateforme, type_acteur=TypeActeurInscrit.PERSONNE, id_national=None, libelle=""
    )


class Identite(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate by which an acteur was recognised: SHA-256 of its issuer's name (hexadecimal), and its serial.

    Or an account of Pro Santé Connect in the same form: SHA-256 of the issuer's address, and of the account, cut.
    """

    emetteur: str
    serie: str


class Sujet(msgspec.Struct, frozen=True, kw_only=True):
    """Who has signed in with Pro Santé Connect, as its verified claims say; judged by ``rules.subjects``.

    ``emetteur`` is the issuer, ``categories`` each codeCategorieProfessionnelle of SubjectRefPro.
    """

    emetteur: str
    sub: str
    subject_name_id: str
    roles: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    nom: str = ""
    prenom: str = ""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who presents a client certificate, and which one it was; for agir pour un tiers he is ``administrateur``.

    ``to_enter`` when the tables do not say all of it yet: an act enters it first (``acteurs.porteurs.enter``).
    """

    acteur: Acteur
    identite: Identite
    administrateur: Acteur | None = None
    to_enter: bool = False

    @property
    def key(self) -> str:
        """What tells who presents the certificate from everybody else, whomever he acts for."""
        return (self.administrateur or self.acteur).key


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts through which canal; for agir pour un tiers, ``administrateur`` is who really holds the card.

    ``identite`` is the certificate that was presented, for the history; None where nobody presented one. ``offered``
    are the structures that a form of the portal let him choose when it was opened: they give no right, they only tell
    a right that was lost from one that never was. ``to_enter`` as of a ``Caller``.
    """

    acteur: Acteur
    canal: Canal
    administrateur: Acteur | None = None
    identite: Identite | None = None
    offered: frozenset[str] = frozenset()
    to_enter: bool = False


class Texte(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a text: ``empreinte`` is its SHA-256 (hexadecimal), ``adresse`` where everybody reads it."""

    nature: NatureTexte
    version: str
    empreinte: str
    adresse: str


class Textes(msgspec.Struct, frozen=True, kw_only=True):
    """The texts in force, which who withdraws accepts."""

    cgu: Texte
    pc: Texte


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[DemandeForm, ...])
_revocation_decoder = msgspec.msgpack.Decoder(tuple[RevocationForm, ...])
Forms = tuple[DemandeForm, ...] | tuple[RevocationForm, ...]


def encode_forms(forms: Forms) -> bytes:
    """The stored form of some items of a lot (MessagePack): the same items always give the same bytes."""
    return _encoder.encode(forms)


def decode_forms(data: bytes) -> tuple[DemandeForm, ...]:
    """Read back what ``encode_forms`` wrote."""
    return _decoder.decode(data)


def decode_revocations(data: bytes) -> tuple[RevocationForm, ...]:
    """As ``decode_forms``, for the items of a lot of revocations."""
    return _revocation_decoder.decode(data)


def content_digest(forms: Forms) -> bytes:
    """SHA-256 over all items: what decides whether a reference comes back with the same content.

    Over the values, not the message: prefixes, white space and the SOAP version do not matter.
    """
    return hashlib.sha256(encode_forms(forms)).digest()

"""Demandes, what they hold for themselves alone, and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, BigId

RENEWS_STILL = (
    "renouvelle IS NOT NULL AND (etat IN ('ENREGISTREE', 'VALIDEE', 'TRANSMISE')"
    " OR (etat = 'CLOSE' AND etat_produit = 'ACTIF'))"
)
"""A renewal that is on its way, or withdrawn and active: of each product one at a time."""
WAITING = "etat = 'TRANSMISE' AND etat_produit = 'A_RETIRER'"
"""Demandes whose certificate waits for its requester, in the words of the index of their limits."""
ACTIVE = "etat_produit = 'ACTIF'"
"""Demandes whose certificate was withdrawn and is not revoked, in the words of the index of their ends."""
VALIDATED = "contenu IS NOT NULL"
"""Demandes that passed validation, in the words of the index of perimeters."""
ASSISTED = "csr_assistee"
"""Demandes whose key was made in a browser, in the words of the index by which their senders find them."""
UNPROCESSED = "etat = 'NON_TRAITEE'"
"""Demandes that came to nothing for a technical reason, in the words of the index by which they are found: few."""
REFUSED = "contenu IS NULL"
"""Demandes that never passed validation, in the words of the index by which their senders find them."""


class Demande(Base):
    """One request for a certificate, of a lot (``id_lot``, ``position``) or of the portal; ``id`` is its numero.

    ``adresse_email`` is what was typed and is certified, ``adresse_cle`` the same without case, by which addresses are
    compared and looked for. ``renouvelle`` is the demande whose certificate this one renews. Of a demande that was
    refused only what had the right form stands here; ``offre``, ``usage`` and ``email_acteur`` are NULL in no other.
    ``limite_retrait``, from the signature on, is the moment from which the certificate cannot be withdrawn any more;
    NULL too where an older plateforme signed. ``produit_emis_le`` and ``produit_fin_le`` are when its certificate was
    signed and until when it is valid, as ``Certificat`` has them: they never change, and a search reads them here.
    ``csr_assistee`` when the CSR was made by the page of the portal: the key stands in the browser of who asked.
    """

    __tablename__ = "demande"
    __table_args__ = (
        UniqueConstraint("id_lot", "position"),
        # Covers the follow-up of a lot: its counts are read from the index alone.
        Index("ix_demande__suivi", "id_lot", "etat", "etat_produit", "modifie_le"),
        # PostgreSQL keeps in it what searches compare: those of a perimeter are answered without a look at the rows.
        # SQLite would write all of it again at each step of a demande.
        Index(
            "ix_demande__perimetre",
            "plateforme",
            "id_structure",
            "offre",
            "id",
            sqlite_where=text(VALIDATED),
            postgresql_where=text(VALIDATED),
            postgresql_include=[
                "usage",
                "etat",
                "etat_produit",
                "cree_le",
                "produit_emis_le",
                "produit_fin_le",
                "id_acteur",
                "id_beneficiaire",
                "service_applicatif",
                "fqdns",
            ],
        ),
        Index("ix_demande__refus", "id_acteur", "id", sqlite_where=text(REFUSED), postgresql_where=text(REFUSED)),
        # In the order of what is to renew; of all others it says whose they are.
        Index(
            "ix_demande__fins",
            "plateforme",
            "produit_fin_le",
            "id",
            sqlite_where=text(ACTIVE),
            postgresql_where=text(ACTIVE),
            postgresql_include=["id_structure", "offre", "usage", "id_beneficiaire"],
        ),
        # What ends when, and what waits until when, of a perimeter: counted and in order, from the index alone.
        Index(
            "ix_demande__echeances",
            "plateforme",
            "id_structure",
            "offre",
            "produit_fin_le",
            sqlite_where=text(ACTIVE),
            postgresql_where=text(ACTIVE),
        ),
        Index(
            "ix_demande__a_retirer",
            "plateforme",
            "id_structure",
            "offre",
            "limite_retrait",
            sqlite_where=text(WAITING),
            postgresql_where=text(WAITING),
        ),
        Index(
            "ix_demande__non_traitees",
            "plateforme",
            "id",
            sqlite_where=text(UNPROCESSED),
            postgresql_where=text(UNPROCESSED),
        ),
        Index("ix_demande__beneficiaire", "plateforme", "id_beneficiaire"),
        Index("ix_demande__id_acteur", "id_acteur"),
        Index("ix_demande__cree_le", "cree_le"),
        Index("ix_demande__adresse", "plateforme", "adresse_cle"),
        Index(
            "ix_demande__renouvelle",
            "renouvelle",
            unique=True,
            sqlite_where=text(RENEWS_STILL),
            postgresql_where=text(RENEWS_STILL),
        ),
        Index(
            "ix_demande__limite_retrait",
            "limite_retrait",
            sqlite_where=text(WAITING),
            postgresql_where=text(WAITING),
        ),
        Index(
            "ix_demande__csr_assistee",
            "id_acteur",
            "id",
            sqlite_where=text(ASSISTED),
            postgresql_where=text(ASSISTED),
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    plateforme: Mapped[str] = mapped_column(String(16))
    canal: Mapped[str] = mapped_column(String(8))
    id_lot: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    position: Mapped[int | None]
    reference: Mapped[str | None] = mapped_column(String(64))
    offre: Mapped[str | None] = mapped_column(String(8))
    usage: Mapped[str | None] = mapped_column(String(12))
    etat: Mapped[str] = mapped_column(String(16))
    etat_produit: Mapped[str | None] = mapped_column(String(16))
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"))
    id_administrateur: Mapped[int | None] = mapped_column(ForeignKey("acteur.id"))
    id_structure: Mapped[str | None] = mapped_column(String(20))
    id_beneficiaire: Mapped[str | None] = mapped_column(String(32))
    service_applicatif: Mapped[str | None] = mapped_column(String(64))
    adresse_email: Mapped[str | None] = mapped_column(String(254))
    adresse_cle: Mapped[str | None] = mapped_column(String(254))
    fqdns: Mapped[str | None] = mapped_column(Text)
    upn: Mapped[str | None] = mapped_column(String(254))
    email_acteur: Mapped[str | None] = mapped_column(String(254))
    email_informe: Mapped[str | None] = mapped_column(String(254))
    contenu: Mapped[dict[str, Any] | None]
    renouvelle: Mapped[int | None] = mapped_column(ForeignKey("demande.id"))
    code_erreur: Mapped[str | None] = mapped_column(String(16))
    champ_erreur: Mapped[str | None] = mapped_column(String(32))
    texte_erreur: Mapped[str | None] = mapped_column(Text)
    cree_le: Mapped[datetime]
    modifie_le: Mapped[datetime]
    limite_retrait: Mapped[datetime | None]
    produit_emis_le: Mapped[datetime | None]
    produit_fin_le: Mapped[datetime | None]
    csr_assistee: Mapped[bool] = mapped_column(default=False, server_default=false())


class ClePublique(Base):
    """A public key presented in a demande, with its proof of possession (the CSR). The key makes it unique."""

    __tablename__ = "cle_publique"
    __table_args__ = (UniqueConstraint("id_demande"),)
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    spki_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    # Deferred: the key is claimed first, whether the demande is accepted follows from it.
    id_demande: Mapped[int] = mapped_column(ForeignKey("demande.id", deferrable=True, initially="DEFERRED"))
    spki: Mapped[bytes]
    csr: Mapped[bytes]


class AdresseProtegee(Base):
    """Who holds a protected mail address (guide §6.2): one porteur among all certificates in force."""

    __tablename__ = "adresse_protegee"
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    adresse: Mapped[str] = mapped_column(String(254), primary_key=True)
    porteur: Mapped[str] = mapped_column(String(160))


class Historique(Base):
    """One line a step of a demande (guide figures 147, 167). Triggers refuse any change or removal.

    ``id_demande`` is the numero of a demande or of a demande de révocation: one counter numbers both.

    ``emetteur`` (SHA-256 of the issuer's name, hexadecimal) and ``serie`` name the client certificate that was
    presented; NULL for a step of the plateforme itself.
    """

    __tablename__ = "historique"
    __table_args__ = (Index("ix_historique__id_demande", "id_demande"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_demande: Mapped[int] = mapped_column(BigInteger)
    canal: Mapped[str] = mapped_column(String(8))
    date: Mapped[datetime]
    code_action: Mapped[str] = mapped_column(String(16))
    etat: Mapped[str] = mapped_column(String(16))
    type_acteur: Mapped[str] = mapped_column(String(16))
    acteur: Mapped[str] = mapped_column(String(200))
    habilitations_acteur: Mapped[str | None] = mapped_column(String(255))
    administrateur: Mapped[str | None] = mapped_column(String(200))
    habilitations_administrateur: Mapped[str | None] = mapped_column(String(255))
    emetteur: Mapped[str | None] = mapped_column(String(64))
    serie: Mapped[str | None] = mapped_column(String(40))

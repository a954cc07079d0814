"""What use cases and queries of revocations give back: frozen values, ready for either canal."""

from __future__ import annotations

from datetime import datetime

import msgspec

from registration.views import CommonCriteria, Count, DemandeView, Echeance, HistoriqueLine, Refusal
from registration.vocabulary import Canal, EtatRevocation, Motif, Offre, ResultatRevocation, Role, Usage


class RevocationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the wish to revoke one certificate.

    ``numero`` is that of the demande de révocation: of this wish, or of the earlier one that already revoked it (None
    where nobody asked for that). ``raison`` is the one of the CRL, ``revoque_le`` when the certificate was revoked.
    """

    resultat: ResultatRevocation
    numero: int | None
    numero_produit: int
    autorite: str
    serial: str
    motif: Motif | None = None
    effet_le: datetime | None = None
    revoque_le: datetime | None = None
    raison: str | None = None


class RevocationVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a deposit would lead to for one item of a lot of revocations: a result, or why it is refused."""

    position: int
    reference: str | None
    result: RevocationResult | None
    refusals: tuple[Refusal, ...]


class RevocationView(msgspec.Struct, frozen=True, kw_only=True):
    """One demande de révocation as its followers see it (guide §10.3.2).

    Its sender without the right to follow its certificate gets the first block alone, with a refusal whose text names
    nothing. ``effet_le`` is the planned instant of a deferred one, ``revoque_le`` when the certificate was revoked.
    """

    numero: int
    canal: Canal
    etat: EtatRevocation
    resultat: ResultatRevocation
    index_lot: int | None
    position: int | None
    reference: str | None
    cree_le: datetime
    modifie_le: datetime
    refusal: Refusal | None

    motif: Motif | None = None
    autre_motif: str | None = None
    effet_le: datetime | None = None
    differee: bool = False
    role: Role | None = None
    remplacee_par: int | None = None
    demandeur: str | None = None
    numero_produit: int | None = None
    autorite: str | None = None
    serial: str | None = None
    revoque_le: datetime | None = None
    raison: str | None = None
    offre: Offre | None = None
    usage: Usage | None = None
    structure: str | None = None
    raison_sociale: str | None = None
    beneficiaire: str | None = None
    beneficiaire_libelle: str | None = None
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdns: tuple[str, ...] = ()


class RevocationPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them; ``next_after`` goes back as ``after`` for the following page, None at the end."""

    revocations: tuple[RevocationView, ...]
    next_after: int | None


class Tableau(msgspec.Struct, frozen=True, kw_only=True):
    """What an acteur finds when he comes: what ends when, what waits for him, what came to nothing lately.

    ``a_retirer`` are certificates that he may withdraw, what is over first first; ``differees`` revocations that wait
    for their day, the next first; ``refus`` demandes of the last weeks that were refused or not processed, newest
    first. Each list is only the beginning of what its count tells.
    """

    echeances: tuple[Echeance, ...]
    a_retirer: tuple[DemandeView, ...]
    a_retirer_en_tout: Count
    differees: tuple[RevocationView, ...]
    differees_en_tout: Count
    refus: tuple[DemandeView, ...]


class RevocationDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One with its history."""

    revocation: RevocationView
    historique: tuple[HistoriqueLine, ...]


class RevocationCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """Guide §10.3.1; all of them may be left out. ``since`` and ``until`` are as those of demandes.

    ``motif`` and the date d'effet (``effet_since``, ``effet_until``) are ours.
    """

    numero: int | None = None
    numero_produit: int | None = None
    index_lot: int | None = None
    etat: EtatRevocation | None = None
    motif: Motif | None = None
    since: datetime | None = None
    until: datetime | None = None
    effet_since: datetime | None = None
    effet_until: datetime | None = None
    produit: CommonCriteria = CommonCriteria(all_offres=True)

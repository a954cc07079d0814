"""What the canals ask of the registration authority: one port an area, nothing else acts for them.

The real areas are in ``registration/authority/``; a fake of the tests is held to the same ports by the type checker.
Every method is one use case in its own transaction; every refusal is an ``IgcError``.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from registration.policy import DEFAULT_PAGE
from registration.retrait_views import CleNavigateur, RetraitCriteria, RetraitEnCours, RetraitsPrets
from registration.revocation_views import (
    RevocationCriteria,
    RevocationDetail,
    RevocationPage,
    RevocationResult,
    RevocationVerdict,
    Tableau,
)
from registration.rules.proved_revocation import CodeTry, Proof, ProvedCertificat
from registration.sessions.values import Durees, FinDeSession, Ouverture, Porte, SessionOuverte
from registration.values import (
    Acteur,
    Caller,
    DemandeForm,
    LotForm,
    Origin,
    RevocationForm,
    RevocationLotForm,
    Sujet,
    Textes,
)
from registration.views import (
    Apercu,
    Brouillon,
    CancelResult,
    DemandeDetail,
    DemandePage,
    Depot,
    DroitPage,
    LotFollowUp,
    LotReceipt,
    LotsPage,
    OffreOuverte,
    PerimetrePage,
    PersonneCriteria,
    PersonnePage,
    Possible,
    ProduitCriteria,
    ProduitDetail,
    ProduitPage,
    RenewalCriteria,
    Retrait,
    RetraitConditions,
    RetraitPage,
    SearchCriteria,
    StructureCriteria,
    StructurePage,
    Telechargement,
    Verdict,
    Verification,
    Waiting,
)
from registration.vocabulary import EtatDemande, EtatRevocation, GenreBrouillon, NatureLot, Offre, Plateforme


class ActeursPort(Protocol):
    """Who acts, and for which structures."""

    def identify(self, certificate_der: bytes | None, *, at_once: bool = False) -> Caller:
        """Who presents this client certificate; AccessError unless it is ours, in force, a card or registered.

        NotAtOnceError when ``at_once`` is asked and it takes longer than a look at the database.
        """

    def identify_subject(self, sujet: Sujet) -> Caller:
        """Who has signed in with Pro Santé Connect, its claims being verified; ERR_WS_027 for who is not told by them.

        He is the same acteur as the bearer of his cards.
        """

    def may_act_for_others(self, acteur: Acteur) -> bool:
        """Whether he may act for a third party now; cheap enough to be asked for every page."""

    def act_for(self, caller: Caller, id_national: str) -> Caller:
        """The caller in the place of a third party; ERR_IHM_026 when he may not, ERR_IHM_018 for whom he may not."""

    def offres(self, acteur: Acteur) -> frozenset[Offre]:
        """The offres for which he may request something now; cheap enough to be asked for every page."""

    def droits(self, acteur: Acteur, *, after: int = 0, limit: int = DEFAULT_PAGE) -> DroitPage:
        """What he may ask for, by structure and offre, with the domains of his habilitations."""

    def perimetre(
        self, acteur: Acteur, texte: str | None = None, *, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> PerimetrePage:
        """As ``droits``, a structure at a time, of those that a text names in part."""

    def allowed_structures(self, acteur: Acteur) -> tuple[tuple[str, str, str], ...]:
        """(offre, id of the structure, raison sociale) of the acteur's perimeter, sorted, for forms and menus."""


class LotsPort(Protocol):
    """Lots as a whole."""

    def submit(self, origin: Origin, form: LotForm) -> LotReceipt:
        """Keep a lot durably and give its index; the same reference with the same content gives it again."""

    def verify(self, origin: Origin, form: LotForm) -> tuple[Verdict, ...]:
        """Every verdict that a deposit would give, nothing stored."""

    def follow(self, acteur: Acteur, *, index: int | None = None, reference: str | None = None) -> LotFollowUp:
        """Progress of a lot by its index or the sender's reference; NotFoundError when nothing of it is visible."""

    def list_lots(
        self, acteur: Acteur, *, nature: NatureLot | None = None, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> LotsPage:
        """The lots of which ``follow`` tells him something, newest first; ``after`` is the last index before."""

    def marks(self, indexes: Collection[int]) -> Mapping[int, str]:
        """What changes whenever a demande of the lot does, for each of these lots; it tells nothing else. One query.

        For lots that ``follow`` has shown.
        """

    def list_demandes(
        self, acteur: Acteur, index: int, *, etat: EtatDemande | None = None, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """The demandes of a lot that the acteur may follow, by position; of his own lot all, the others in outline."""

    def waiting(self, acteur: Acteur, index: int) -> Waiting:
        """How much of a lot waits for him to withdraw it, or for its day; NotFoundError as ``follow``."""

    def export(self, acteur: Acteur, index: int) -> Iterator[bytes]:
        """What became of each item as CSV, page by page; refused at once as ``follow``."""

    def cancel(self, origin: Origin, index: int) -> CancelResult:
        """Cancel what can still be cancelled of a lot, of either nature."""


class DepotsPort(Protocol):
    """Lots read from a file, looked at before they are sent; each is his who acts, in whose name he does."""

    def prepare(self, origin: Origin, form: LotForm | RevocationLotForm) -> Depot:
        """Keep one for three days; with its index where it was deposited already. Refused as a deposit as a whole."""

    def read(self, who: Caller | Origin, ident: str) -> Depot:
        """His own, with how far its check has come; NotFoundError for any other and for one that is over."""

    def check(self, origin: Origin, ident: str) -> Verification:
        """Every verdict that a deposit would give, summed up and kept; of ten thousand items it takes its time."""

    def submit(self, origin: Origin, ident: str) -> LotReceipt:
        """Deposit it; however often this is called, one lot comes of it."""


class ChangesPort(Protocol):
    """What others commit, for one thread that waits for it."""

    def wait(self, seconds: float) -> bool:
        """Whether counts of a lot may have changed since the last call; False after ``seconds`` without a change."""

    def close(self) -> None:
        """Give up what was opened for it."""


class DemandesPort(Protocol):
    """Demandes of both canals."""

    def submit(self, origin: Origin, form: DemandeForm, *, brouillon: str | None = None) -> int:
        """Place one demande and give its numero; refused with the first error, nothing stored then."""

    def ouverture(
        self, origin: Origin, offre: Offre, structure: str | None, beneficiaire: str | None = None
    ) -> OffreOuverte:
        """What he may ask for there now, with the domains of his habilitation; refused as a demande would be."""

    def foresee(self, origin: Origin, form: DemandeForm) -> Apercu:
        """All that would refuse this form, or what its certificate will say; one without a CSR as if it had one."""

    def search(
        self, acteur: Acteur, criteria: SearchCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """Demandes of both canals that the acteur may follow, newest first; ERR_IHM_025 when too wide."""

    def export(self, acteur: Acteur, criteria: SearchCriteria) -> Iterator[bytes]:
        """What ``search`` gives as CSV, page by page; refused at once as ``search``, before anything is made."""

    def export_to_renew(self, acteur: Acteur, criteria: RenewalCriteria) -> Iterator[bytes]:
        """What ``to_renew`` gives as CSV, as ``export``."""

    def count(self, acteur: Acteur, criteria: SearchCriteria) -> int:
        """How many demandes ``search`` would give in all."""

    def possible(self, acteur: Acteur, numeros: Collection[int]) -> Mapping[int, Possible]:
        """What screens may offer for each of these that the acteur may follow; it gives no right. One query."""

    def to_renew(
        self, acteur: Acteur, criteria: RenewalCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """Products that the acteur may renew now and that have no renewal yet, by the end of their certificates."""

    def read(self, acteur: Acteur, numero: int) -> DemandeDetail:
        """One demande with its history; NotFoundError when not visible, ERR_IHM_026 when only sent by the acteur."""

    def cancel(self, origin: Origin, numero: int) -> CancelResult:
        """Cancel one demande before its withdrawal; a signed certificate is revoked."""


class ProduitsPort(Protocol):
    """Certificates once they are signed, for who may follow them."""

    def search(
        self, acteur: Acteur, criteria: ProduitCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> ProduitPage:
        """Produits of both canals, newest demande first; ERR_IHM_025 when too wide."""

    def export(self, acteur: Acteur, criteria: ProduitCriteria) -> Iterator[bytes]:
        """What ``search`` gives as CSV, as that of demandes."""

    def count(self, acteur: Acteur, criteria: ProduitCriteria) -> int:
        """How many produits ``search`` would give in all."""

    def read(self, acteur: Acteur, numero: int) -> ProduitDetail:
        """One produit with the history of its demande; NotFoundError when not visible."""

    def download(self, acteur: Acteur, numero: int) -> Telechargement:
        """The certificate of an active produit; ConflictError ERR_WS_049 for another."""


class RetraitsPort(Protocol):
    """Withdrawal of certificates; the same call gives the same answer while the certificates are in force."""

    def withdraw(self, origin: Origin, numero: int, conditions: RetraitConditions) -> Retrait:
        """Withdraw one certificate."""

    def withdraw_page(
        self, origin: Origin, index: int, conditions: RetraitConditions, *, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> RetraitPage:
        """Withdraw a page of a lot, by position."""

    def waiting(
        self, acteur: Acteur, criteria: RetraitCriteria, *, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> RetraitsPrets:
        """What he asked for and may withdraw now, the first to fall to its limit first."""

    def look_up(self, acteur: Acteur, numero: int) -> RetraitEnCours:
        """One withdrawal as its requester finds it; NotFoundError, ERR_IHM_017 or ERR_IHM_026 for anybody else."""

    def keys_in_browsers(self, acteur: Acteur) -> tuple[CleNavigateur, ...]:
        """His latest demandes whose key was made in a browser."""


class RevocationsPort(Protocol):
    """Demandes de révocation of who has logged in."""

    def revoke(self, origin: Origin, form: RevocationForm) -> RevocationResult:
        """Revoke one certificate at once or on a day; what was revoked before is told, not refused."""

    def give_up(self, origin: Origin, numero: int) -> bool:
        """Give one that waits for its day up; False when it was given up before."""

    def submit(self, origin: Origin, form: RevocationLotForm) -> LotReceipt:
        """Keep a lot of them durably, as a lot of demandes; followed by ``LotsPort.follow``."""

    def verify(self, origin: Origin, form: RevocationLotForm) -> tuple[RevocationVerdict, ...]:
        """Every verdict that a deposit would give, nothing stored."""

    def list_lot(
        self,
        acteur: Acteur,
        index: int,
        *,
        etat: EtatRevocation | None = None,
        after: int = 0,
        limit: int = DEFAULT_PAGE,
    ) -> RevocationPage:
        """Those of a lot, by position."""

    def search(
        self, acteur: Acteur, criteria: RevocationCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> RevocationPage:
        """Those of both canals whose certificates the acteur may follow, newest first."""

    def count(self, acteur: Acteur, criteria: RevocationCriteria) -> int:
        """How many ``search`` would give in all."""

    def export(self, acteur: Acteur, criteria: RevocationCriteria) -> Iterator[bytes]:
        """What ``search`` gives as CSV, as that of demandes."""

    def read(self, acteur: Acteur, numero: int) -> RevocationDetail:
        """One with its history; NotFoundError when its certificate is not visible."""


class RevocationsParCodePort(Protocol):
    """Revocation by code, of whom nothing else is known; all that the site without login may reach."""

    @property
    def autorites(self) -> tuple[str, ...]:
        """The names of the authorities that issue or have issued, for a list."""

    def prove(self, given: CodeTry) -> ProvedCertificat:
        """The certificate in use that authority, serial and code name together; one answer for whatever is wrong."""

    def revoke(self, proof: Proof, form: RevocationForm) -> RevocationResult:
        """Revoke what was proved, at once or on a day; a proof serves once."""


class DirectoryPort(Protocol):
    """The directory inside the perimeter of who asks; the same whether the tables or an LDAP server answer."""

    def search_structures(
        self, acteur: Acteur, criteria: StructureCriteria, *, offre: Offre | None = None, limit: int = DEFAULT_PAGE
    ) -> StructurePage:
        """Structures that the acteur administers (for this offre); ERR_WS_038 for a name that is none, ERR_IHM_024."""

    def search_personnes(
        self, acteur: Acteur, structure: str, criteria: PersonneCriteria, *, limit: int = DEFAULT_PAGE
    ) -> PersonnePage:
        """Who may bear a certificate PRO of this structure; also ERR_IHM_026 outside the perimeter, ERR_IHM_021."""


class BrouillonsPort(Protocol):
    """Forms of the portal that are under way, each for its owner alone: who acts, and in whose name."""

    def begin(self, caller: Caller, genre: GenreBrouillon, donnees: Mapping[str, Any]) -> Brouillon:
        """A new one; the oldest of his go when there are too many."""

    def read(self, caller: Caller, ident: str) -> Brouillon | None:
        """His own, None for any other and for one that is over (three days after it was last changed)."""

    def under_way(
        self, caller: Caller, genres: Collection[GenreBrouillon], *, limit: int = 10
    ) -> tuple[Brouillon, ...]:
        """His own of these kinds that have become nothing yet, newest first."""

    def keep(self, caller: Caller, ident: str, etape: str, valeurs: object) -> Brouillon | None:
        """What was typed at one step; ValueError when it is too much, None as for ``read``."""

    def drop(self, caller: Caller, ident: str) -> None:
        """Forget it, if it is his and has become nothing."""


class SessionsPort(Protocol):
    """Sessions of the portal; their tokens are in browsers alone."""

    def open(self, opening: Ouverture, durees: Durees) -> str:
        """A new one; gives its token."""

    def read(self, token: str, porte: Porte, certificat: str | None = None) -> SessionOuverte | None:
        """That of the token; None when it is over, or was opened at another door or with another certificate."""

    def keep(self, token: str, donnees: Mapping[str, Any] | None, durees: Durees) -> bool:
        """It was seen, and holds these from now on (None: what it held); False when it has ended meanwhile."""

    def end(self, token: str) -> None:
        """It opens nothing any more."""

    def end_by_issuer(self, fin: FinDeSession) -> int | None:
        """End those that a verified logout token means; how many, None for a token that has served."""


class TableauPort(Protocol):
    """What an acteur finds when he comes."""

    def read(self, acteur: Acteur) -> Tableau:
        """What ends when, what waits for him and what came to nothing lately; cheap however many demandes there are."""


class AuthorityPort(Protocol):
    """The registration authority of one plateforme."""

    @property
    def plateforme(self) -> Plateforme:
        """TEST or PRODUCTION."""

    def view(self) -> AbstractContextManager[None]:
        """Have all that this thread reads inside the block see one moment, at the cost of one; nothing is written."""

    @property
    def reads_at_once(self) -> bool:
        """Whether what is read by its key waits neither for a network nor for who writes."""

    def changes(self, stop: threading.Event) -> ChangesPort:
        """To wait for changes of lots; ``stop`` ends every wait within a moment."""

    @property
    def acteurs(self) -> ActeursPort:
        """Who acts."""

    @property
    def lots(self) -> LotsPort:
        """Lots."""

    @property
    def demandes(self) -> DemandesPort:
        """Demandes."""

    @property
    def brouillons(self) -> BrouillonsPort:
        """Forms under way."""

    @property
    def sessions(self) -> SessionsPort:
        """Sessions of the portal."""

    @property
    def depots(self) -> DepotsPort:
        """Lots read from a file."""

    @property
    def tableau(self) -> TableauPort:
        """The home of an acteur."""

    @property
    def directory(self) -> DirectoryPort:
        """The directory."""

    @property
    def textes(self) -> Textes:
        """The texts in force, which a withdrawal accepts."""

    @property
    def retraits(self) -> RetraitsPort:
        """Withdrawals."""

    @property
    def produits(self) -> ProduitsPort:
        """Produits."""

    @property
    def revocations(self) -> RevocationsPort:
        """Revocations."""

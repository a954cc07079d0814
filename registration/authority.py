"""The registration authority as the canals see it: one object an area, built once by the composition root.

Each method hands database, clock and policy of this process to one use case; what it promises stands in ``ports``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sized
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pki.authority import common_name_of
from registration import exports
from registration.acteurs.droits import read_droits
from registration.acteurs.identity import PeerChecker
from registration.acteurs.porteurs import enter
from registration.acteurs.rights import administers_any, allowed_structures
from registration.acteurs.sujets import identify_subject
from registration.acteurs.tiers import act_for, may_act_for_others
from registration.demandes import cancellation, queries, renewable, single
from registration.demandes.revocations import read_revocation, search_revocations
from registration.directory import searching
from registration.directory.port import Directory
from registration.directory.reading import check_known
from registration.directory.tables import TablesDirectory
from registration.errors import Code, IgcError
from registration.lots import deposit, follow_up, revocations
from registration.lots.cancelling import cancel_lot
from registration.policy import DEFAULT_PAGE, DEFAULT_POLICY, LotPolicy
from registration.produits import queries as produits
from registration.retraits import withdrawing
from registration.revocation.asking import revoke_one
from registration.revocation.by_code import display_names, prove_code, revoke_by_code
from registration.revocation.giving_up import give_up_revocation
from registration.revocation.targets import AuthorityNames, authority_names
from registration.revocation_views import (
    RevocationCriteria,
    RevocationDetail,
    RevocationPage,
    RevocationResult,
    RevocationVerdict,
)
from registration.rules.code_tries import TryPolicy
from registration.rules.proved_revocation import CodeTry, Proof, ProvedCertificat
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
    CancelResult,
    DemandeDetail,
    DemandePage,
    DroitPage,
    LotFollowUp,
    LotReceipt,
    PersonneCriteria,
    PersonnePage,
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
)
from registration.vocabulary import EtatDemande, Offre, Plateforme
from runtime.clock import Clock, system_clock
from storage.changes import COUNTS, Changes
from storage.database import Database
from storage.waits import is_busy

log = structlog.get_logger()
_DEAF_SECONDS = 1.0  # between two looks where nothing is heard of the database

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Area:
    """Use cases over one database, on one clock."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def _run(self, use_case: Callable[Concatenate[Database, _P], _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Do it; a database that does not serve in time is told as ERR_WS_050: nothing is half-written, try again."""
        with _TOLD_AS_BUSY:
            return use_case(self._db, *args, **kwargs)

    def _told(self, acteur: Acteur, structure: str | None, found: Sized) -> None:
        """Of a search that found nothing: the structure that it names is unknown (ERR_IHM_005), if it is."""
        if structure is not None and not found:
            self._run(check_known, acteur, structure)

    def _entered(self, origin: Origin) -> Origin:
        """Of an act: whoever has never done anything before is entered first, and what he presented."""
        return self._run(enter, origin, self._clock())


class _ToldAsBusy:
    """A database that does not serve in time is told as ERR_WS_050. Holds nothing: one serves every call."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, SQLAlchemyError) and is_busy(error):
            log.warning("database does not serve in time", why=type(error).__name__)
            raise IgcError(Code.BUSY) from error


_TOLD_AS_BUSY = _ToldAsBusy()


class Acteurs(_Area):
    """``ActeursPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, peers: PeerChecker, plateforme: Plateforme) -> None:
        super().__init__(db, clock)
        self._peers, self._plateforme = peers, plateforme

    def identify(self, certificate_der: bytes | None, *, at_once: bool = False) -> Caller:
        """See ``identity.PeerChecker.identify``."""
        with _TOLD_AS_BUSY:
            return self._peers.identify(certificate_der, self._clock(), at_once=at_once)

    def identify_subject(self, sujet: Sujet) -> Caller:
        """See ``sujets.identify_subject``."""
        return self._run(identify_subject, self._plateforme, sujet)

    def may_act_for_others(self, acteur: Acteur) -> bool:
        """See ``tiers.may_act_for_others``."""
        return self._run(may_act_for_others, acteur)

    def act_for(self, caller: Caller, id_national: str) -> Caller:
        """See ``tiers.act_for``."""
        return self._run(act_for, caller, id_national)

    def administers_any(self, acteur: Acteur, offre: Offre) -> bool:
        """See ``rights.administers_any``."""
        return self._run(administers_any, acteur, offre)

    def droits(self, acteur: Acteur, *, after: int = 0, limit: int = DEFAULT_PAGE) -> DroitPage:
        """See ``droits.read_droits``."""
        return self._run(read_droits, acteur, after=after, limit=limit)

    def allowed_structures(self, acteur: Acteur) -> tuple[tuple[str, str, str], ...]:
        """See ``rights.allowed_structures``."""
        return self._run(allowed_structures, acteur)


class Lots(_Area):
    """``LotsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, policy: LotPolicy) -> None:
        super().__init__(db, clock)
        self._policy = policy

    def submit(self, origin: Origin, form: LotForm) -> LotReceipt:
        """See ``deposit.submit``."""
        return self._run(deposit.submit, self._entered(origin), form, self._clock(), self._policy)

    def verify(self, origin: Origin, form: LotForm) -> tuple[Verdict, ...]:
        """See ``deposit.verify``."""
        return self._run(deposit.verify, origin, form, self._clock(), self._policy)

    def follow(self, acteur: Acteur, *, index: int | None = None, reference: str | None = None) -> LotFollowUp:
        """See ``follow_up.follow_lot``."""
        return self._run(follow_up.follow_lot, acteur, index=index, reference=reference)

    def marks(self, indexes: Collection[int]) -> Mapping[int, str]:
        """See ``follow_up.marks``."""
        return self._run(follow_up.marks, indexes)

    def list_demandes(
        self, acteur: Acteur, index: int, *, etat: EtatDemande | None = None, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """See ``follow_up.list_lot``."""
        return self._run(follow_up.list_lot, acteur, index, self._clock(), etat=etat, after=after, limit=limit)

    def cancel(self, origin: Origin, index: int) -> CancelResult:
        """See ``cancelling.cancel_lot``."""
        return self._run(cancel_lot, self._entered(origin), index, self._clock)


class Demandes(_Area):
    """``DemandesPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, policy: LotPolicy) -> None:
        super().__init__(db, clock)
        self._policy = policy

    def submit(self, origin: Origin, form: DemandeForm) -> int:
        """See ``single.submit``."""
        return self._run(single.submit, self._entered(origin), form, self._clock(), self._policy)

    def search(
        self, acteur: Acteur, criteria: SearchCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """See ``queries.search``; ERR_IHM_005 for a structure that nobody knows."""
        page = self._run(queries.search, acteur, criteria, self._clock(), after=after, limit=limit)
        self._told(acteur, criteria.structure, page.demandes)
        return page

    def export(self, acteur: Acteur, criteria: SearchCriteria) -> Iterator[bytes]:
        """See ``exports.demandes_csv``."""

        def page(after: int | None = None) -> DemandePage:
            return self.search(acteur, criteria, after=after, limit=exports.PAGE)

        return exports.demandes_csv(page(), page)

    def export_to_renew(self, acteur: Acteur, criteria: RenewalCriteria) -> Iterator[bytes]:
        """See ``exports.demandes_csv``."""

        def page(after: int | None = None) -> DemandePage:
            return self.to_renew(acteur, criteria, after=after, limit=exports.PAGE)

        return exports.demandes_csv(page(), page)

    def count(self, acteur: Acteur, criteria: SearchCriteria) -> int:
        """See ``queries.count``."""
        return self._run(queries.count, acteur, criteria)

    def to_renew(
        self, acteur: Acteur, criteria: RenewalCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """See ``renewable.list_to_renew``; ERR_IHM_005 for a structure that nobody knows."""
        page = self._run(
            renewable.list_to_renew, acteur, criteria, self._clock(), self._policy, after=after, limit=limit
        )
        self._told(acteur, criteria.structure, page.demandes)
        return page

    def read(self, acteur: Acteur, numero: int) -> DemandeDetail:
        """See ``queries.read_demande``."""
        return self._run(queries.read_demande, acteur, numero, self._clock())

    def cancel(self, origin: Origin, numero: int) -> CancelResult:
        """See ``cancellation.cancel_demande``."""
        return self._run(cancellation.cancel_demande, self._entered(origin), numero, self._clock())


class Produits(_Area):
    """``ProduitsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, chains: withdrawing.Chains) -> None:
        super().__init__(db, clock)
        self._chains = chains
        self._names = {name: common_name_of(chain[0]) for name, chain in chains.items()}

    def search(
        self, acteur: Acteur, criteria: ProduitCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> ProduitPage:
        """See ``produits.search``; ERR_IHM_005 for a structure that nobody knows."""
        page = self._run(produits.search, self._names, acteur, criteria, self._clock(), after=after, limit=limit)
        self._told(acteur, criteria.structure, page.produits)
        return page

    def export(self, acteur: Acteur, criteria: ProduitCriteria) -> Iterator[bytes]:
        """See ``exports.produits_csv``."""

        def page(after: int | None = None) -> ProduitPage:
            return self.search(acteur, criteria, after=after, limit=exports.PAGE)

        return exports.produits_csv(page(), page)

    def count(self, acteur: Acteur, criteria: ProduitCriteria) -> int:
        """See ``produits.count``."""
        return self._run(produits.count, acteur, criteria, self._clock())

    def read(self, acteur: Acteur, numero: int) -> ProduitDetail:
        """See ``produits.read_produit``."""
        return self._run(produits.read_produit, self._names, acteur, numero, self._clock())

    def download(self, acteur: Acteur, numero: int) -> Telechargement:
        """See ``produits.download``."""
        return self._run(produits.download, self._names, self._chains, acteur, numero, self._clock())


class Revocations(_Area):
    """``RevocationsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, policy: LotPolicy, names: AuthorityNames) -> None:
        super().__init__(db, clock)
        self._policy, self._names = policy, names

    def revoke(self, origin: Origin, form: RevocationForm) -> RevocationResult:
        """See ``asking.revoke_one``."""
        return self._run(revoke_one, self._entered(origin), form, self._names, self._clock)

    def give_up(self, origin: Origin, numero: int) -> bool:
        """See ``giving_up.give_up_revocation``."""
        return self._run(give_up_revocation, self._entered(origin), numero, self._clock)

    def submit(self, origin: Origin, form: RevocationLotForm) -> LotReceipt:
        """See ``lots.revocations.submit_revocations``."""
        return self._run(
            revocations.submit_revocations, self._entered(origin), form, self._names, self._clock, self._policy
        )

    def verify(self, origin: Origin, form: RevocationLotForm) -> tuple[RevocationVerdict, ...]:
        """See ``lots.revocations.verify_revocations``."""
        return self._run(revocations.verify_revocations, origin, form, self._names, self._clock(), self._policy)

    def list_lot(self, acteur: Acteur, index: int, *, after: int = 0, limit: int = DEFAULT_PAGE) -> RevocationPage:
        """See ``lots.revocations.list_revocations``."""
        return self._run(revocations.list_revocations, acteur, index, after=after, limit=limit)

    def search(
        self, acteur: Acteur, criteria: RevocationCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> RevocationPage:
        """See ``demandes.revocations.search_revocations``; ERR_IHM_005 for a structure that nobody knows."""
        page = self._run(search_revocations, acteur, criteria, after=after, limit=limit)
        self._told(acteur, criteria.produit.structure, page.revocations)
        return page

    def export(self, acteur: Acteur, criteria: RevocationCriteria) -> Iterator[bytes]:
        """See ``exports.revocations_csv``."""

        def page(after: int | None = None) -> RevocationPage:
            return self.search(acteur, criteria, after=after, limit=exports.PAGE)

        return exports.revocations_csv(page(), page)

    def read(self, acteur: Acteur, numero: int) -> RevocationDetail:
        """See ``demandes.revocations.read_revocation``."""
        return self._run(read_revocation, acteur, numero)


class RevocationsParCode(_Area):
    """``RevocationsParCodePort`` over the tables; apart from the rest, for a process that may reach nothing else."""

    def __init__(
        self, db: Database, clock: Clock, plateforme: Plateforme, chains: withdrawing.Chains, policy: TryPolicy
    ) -> None:
        super().__init__(db, clock)
        self._plateforme, self._policy = plateforme, policy
        self._names = authority_names(chains)
        self.autorites = display_names(chains)

    def prove(self, given: CodeTry) -> ProvedCertificat:
        """See ``by_code.prove_code``."""
        return self._run(prove_code, self._plateforme, given, self._names, self._clock, self._policy)

    def revoke(self, proof: Proof, form: RevocationForm) -> RevocationResult:
        """See ``by_code.revoke_by_code``."""
        return self._run(revoke_by_code, self._plateforme, proof, form, self._clock)


class Annuaire(_Area):
    """``DirectoryPort`` over the adapter that the settings choose."""

    def __init__(self, db: Database, clock: Clock, directory: Directory) -> None:
        super().__init__(db, clock)
        self._directory = directory

    def search_structures(
        self, acteur: Acteur, criteria: StructureCriteria, *, offre: Offre | None = None, limit: int = DEFAULT_PAGE
    ) -> StructurePage:
        """See ``searching.search_structures``."""
        return self._run(searching.search_structures, self._directory, acteur, criteria, offre=offre, limit=limit)

    def search_personnes(
        self, acteur: Acteur, structure: str, criteria: PersonneCriteria, *, limit: int = DEFAULT_PAGE
    ) -> PersonnePage:
        """See ``searching.search_personnes``."""
        return self._run(searching.search_personnes, self._directory, acteur, structure, criteria, limit=limit)


class Retraits(_Area):
    """``RetraitsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, remise: withdrawing.Remise) -> None:
        super().__init__(db, clock)
        self._remise = remise

    def withdraw(self, origin: Origin, numero: int, conditions: RetraitConditions) -> Retrait:
        """See ``withdrawing.withdraw_demande``."""
        return self._run(
            withdrawing.withdraw_demande, self._remise, self._entered(origin), numero, conditions, self._clock()
        )

    def withdraw_page(
        self, origin: Origin, index: int, conditions: RetraitConditions, *, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> RetraitPage:
        """See ``withdrawing.withdraw_lot_page``."""
        return self._run(
            withdrawing.withdraw_lot_page,
            self._remise,
            self._entered(origin),
            index,
            conditions,
            self._clock(),
            after=after,
            limit=limit,
        )


class RegistrationAuthority:
    """``AuthorityPort`` of one plateforme. ``chains`` maps an issuing CA to its chain in DER, issuer first.

    ``textes`` are those in force, which every withdrawal accepts.
    """

    def __init__(
        self,
        db: Database,
        *,
        plateforme: Plateforme,
        peers: PeerChecker,
        chains: Mapping[str, tuple[bytes, ...]],
        textes: Textes,
        policy: LotPolicy = DEFAULT_POLICY,
        clock: Clock = system_clock,
        directory: Directory | None = None,
    ) -> None:
        """Keep the parts; nothing is opened here. Without another ``directory`` the tables are searched."""
        self._db = db
        self.plateforme = plateforme
        self.acteurs = Acteurs(db, clock, peers, plateforme)
        self.lots = Lots(db, clock, policy)
        self.demandes = Demandes(db, clock, policy)
        self.directory = Annuaire(db, clock, directory or TablesDirectory(db, plateforme))
        self.textes = textes
        self.retraits = Retraits(db, clock, withdrawing.Remise(chains, textes))
        self.produits = Produits(db, clock, chains)
        self.revocations = Revocations(db, clock, policy, authority_names(chains))

    @contextmanager
    def view(self) -> Iterator[None]:
        """See ``AuthorityPort``; ERR_WS_050 like every use case."""
        with _TOLD_AS_BUSY, self._db.view():
            yield

    @property
    def reads_at_once(self) -> bool:
        """See ``AuthorityPort``: of a file of this host, whose readers wait for nobody."""
        return self._db.has_one_writer

    def changes(self, stop: threading.Event) -> Changes:
        """See ``storage.changes``."""
        return Changes(self._db.engine, stop, _DEAF_SECONDS, channel=COUNTS)

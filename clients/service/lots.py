"""``ServiceLots``: the operations of the contract as Python calls, over mutual TLS, repeated when the line breaks.

Every operation of the contract is safe to repeat, which is what makes the retries here harmless.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
import zeep
from zeep.proxy import ServiceProxy

from clients.contract.files import NAMESPACE, TIERS, WSDL
from clients.contract.translation import Value, from_message, header_text, to_message
from clients.contract.values import (
    AccuseLot,
    BilanAnnulation,
    BilanVerification,
    ConditionsRetrait,
    CriteresRecherche,
    DemandeSuivie,
    DetailDemande,
    EtatService,
    Lot,
    PageDemandes,
    PageRetraits,
    Retrait,
    SuiviLot,
)
from clients.errors import ConnectionLostError, ErreurTechnique, IgcClientError
from clients.service.calls import turn_pages
from clients.service.droits import DroitCalls
from clients.service.failures import Endpoint, checked_address, translated_errors
from clients.service.produits import ProduitCalls
from clients.service.renewals import RenewalCalls
from clients.service.revocations import RevocationCalls
from clients.service.tls import tls_context
from clients.service.transport import ContractTransport, open_session

MAX_ATTENTE = 30
"""Seconds that the service accepts to wait in one follow-up call (type Attente of the XSD)."""

_jitter = random.SystemRandom()


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often a call is tried in all, and the seconds between: doubled each time, with some jitter, bounded."""

    attempts: int = 7
    first_delay: float = 0.5
    max_delay: float = 15.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after the nth failure in a row."""
        bound = min(self.max_delay, self.first_delay * 2.0 ** (failures - 1))
        return bound * float(_jitter.uniform(0.5, 1.0))


class RetryNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Told to ``on_retry`` before each wait: which try failed, why, and how long until the next."""

    failures: int
    attempts: int
    delay: float
    error: IgcClientError


class ServiceLots(DroitCalls, ProduitCalls, RenewalCalls, RevocationCalls):
    """The service of one plateforme, seen with one client certificate. Use one instance per thread.

    ``certificate`` is (certificate with its chain, private key), PEM files; ``ca`` the PEM file of the CAs that the
    server's certificate may come from, issuing CAs being enough (None: those of the system). ``timeout`` is in seconds
    and covers the silence between two bytes, not the whole call. ``contract="service"`` reads the WSDL from the service
    instead of the files of this package. With ``pour``, the national id of a person, every call is made in the place of
    that person: with his rights, for who is named as an administrateur of the plateforme. Every method raises the
    errors of ``clients.errors``.
    """

    def __init__(
        self,
        url: str,
        *,
        certificate: tuple[str | Path, str | Path],
        ca: str | Path | None,
        key_password: str | None = None,
        timeout: float = 120.0,
        retry: RetryPolicy | None = None,
        on_retry: Callable[[RetryNotice], None] | None = None,
        contract: Literal["package", "service"] = "package",
        proxy: str | None = None,
        pour: str | None = None,
    ) -> None:
        checked_address(url)
        authorities = None if ca is None else Path(ca)
        context = tls_context((Path(certificate[0]), Path(certificate[1])), authorities, key_password)
        self.url, self.pour = url, None if pour is None else header_text(TIERS, pour)
        self._session = open_session(context, authorities, proxy)
        self._endpoint = Endpoint(
            url=url, certificate=Path(certificate[0]), ca=authorities, proxy=proxy, timeout=timeout
        )
        self._transport = ContractTransport(self._session, self._endpoint)
        self._retry = retry or RetryPolicy()
        self._on_retry = on_retry or (lambda _notice: None)
        self._wsdl = str(WSDL) if contract == "package" else f"{url}?wsdl"
        self._port: ServiceProxy | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the kept connections."""
        self._session.close()

    def deposer_lot(self, lot: Lot) -> AccuseLot:
        """Deposits the lot and gives its index; same reference and same content give the same index again.

        Raises Conflit when the reference has served for another content.
        """
        return self._call(AccuseLot, "deposerLot", lot=to_message(lot))

    def verifier_lot(self, lot: Lot) -> BilanVerification:
        """The verdict on each demande of the lot; nothing is recorded."""
        return self._call(BilanVerification, "verifierLot", lot=to_message(lot))

    def suivre_lot(
        self,
        *,
        index_lot: int | None = None,
        reference: str | None = None,
        version_connue: str | None = None,
        attente: int = 0,
    ) -> SuiviLot:
        """Progress of a lot, by index or reference; waits up to ``attente`` seconds for another version."""
        return self._call(
            SuiviLot,
            "suivreLot",
            extra_seconds=attente,
            indexLot=index_lot,
            reference=reference,
            versionConnue=version_connue,
            attente=attente or None,
        )

    def lister_demandes_lot(
        self, index_lot: int, *, etat: str | None = None, a_partir_de: int | None = None, taille: int | None = None
    ) -> PageDemandes:
        """One page of the demandes of a lot, 50 by default and 500 at most; ``iter_demandes`` turns the pages."""
        return self._call(
            PageDemandes, "listerDemandesLot", indexLot=index_lot, etat=etat, aPartirDe=a_partir_de, taille=taille
        )

    def retirer_demande(self, numero_demande: int, conditions: ConditionsRetrait) -> Retrait:
        """Withdraws one certificate. Raises Conflit when it is not signed yet or can no longer be withdrawn."""
        return self._call(Retrait, "retirerDemande", numeroDemande=numero_demande, conditions=to_message(conditions))

    def retirer_page_lot(
        self,
        index_lot: int,
        conditions: ConditionsRetrait,
        *,
        a_partir_de: int | None = None,
        taille: int | None = None,
    ) -> PageRetraits:
        """Withdraws one page of certificates; ``iter_retraits`` turns the pages."""
        return self._call(
            PageRetraits,
            "retirerPageLot",
            indexLot=index_lot,
            conditions=to_message(conditions),
            aPartirDe=a_partir_de,
            taille=taille,
        )

    def annuler_demande(self, numero_demande: int) -> BilanAnnulation:
        """Cancels one demande. Raises Conflit when its withdrawal has begun."""
        return self._call(BilanAnnulation, "annulerDemande", numeroDemande=numero_demande)

    def annuler_lot(self, index_lot: int) -> BilanAnnulation:
        """Cancels what can still be cancelled in a lot."""
        return self._call(BilanAnnulation, "annulerLot", indexLot=index_lot)

    def rechercher_demandes(
        self, criteres: CriteresRecherche, *, a_partir_de: int | None = None, taille: int | None = None
    ) -> PageDemandes:
        """One page of the demandes that the actor may follow, of every canal; ``iter_search`` turns the pages."""
        return self._call(
            PageDemandes, "rechercherDemandes", criteres=to_message(criteres), aPartirDe=a_partir_de, taille=taille
        )

    def consulter_demande(self, numero_demande: int) -> DetailDemande:
        """One demande with the subject of its certificate and its history."""
        return self._call(DetailDemande, "consulterDemande", numeroDemande=numero_demande)

    def consulter_service(self) -> EtatService:
        """Who the service takes us for, and its limits: the call to try first."""
        return self._call(EtatService, "consulterService")

    def follow(
        self, *, index_lot: int | None = None, reference: str | None = None, attente: int = 20, pause: float = 0.3
    ) -> Iterator[SuiviLot]:
        """Each new state of a lot until nothing of it waits any more, the last one included; one call waits for each.

        ``pause`` seconds are kept between two calls even when the service answers at once.
        """
        version: str | None = None
        while True:
            suivi = self.suivre_lot(
                index_lot=index_lot,
                reference=reference,
                version_connue=version,
                attente=0 if version is None else min(attente, MAX_ATTENTE),
            )
            if suivi.version != version:
                yield suivi
            if suivi.finished:
                return
            version = suivi.version
            time.sleep(pause)

    def iter_demandes(self, index_lot: int, *, etat: str | None = None, taille: int = 500) -> Iterator[DemandeSuivie]:
        """Every demande of a lot, by position."""
        for page in turn_pages(
            lambda start: self.lister_demandes_lot(index_lot, etat=etat, a_partir_de=start, taille=taille)
        ):
            yield from page.demande

    def iter_search(self, criteres: CriteresRecherche, *, taille: int = 500) -> Iterator[DemandeSuivie]:
        """Every demande that answers the criteria."""
        for page in turn_pages(lambda start: self.rechercher_demandes(criteres, a_partir_de=start, taille=taille)):
            yield from page.demande

    def iter_retraits(
        self, index_lot: int, conditions: ConditionsRetrait, *, a_partir_de: int | None = None, taille: int = 200
    ) -> Iterator[PageRetraits]:
        """The pages of a lot's withdrawal, from the start or from a page already reached."""
        return turn_pages(
            lambda start: self.retirer_page_lot(index_lot, conditions, a_partir_de=start, taille=taille), a_partir_de
        )

    def _call(self, kind: type[Value], operation: str, *, extra_seconds: float = 0.0, **arguments: Any) -> Value:  # noqa: ANN401 -- zeep takes what the WSDL says
        failures = 0
        while True:
            try:
                return self._call_once(kind, operation, extra_seconds, arguments)
            except (ConnectionLostError, ErreurTechnique) as error:
                failures += 1
                if failures >= self._retry.attempts:
                    raise
                delay = self._retry.delay(failures)
                self._on_retry(RetryNotice(failures=failures, attempts=self._retry.attempts, delay=delay, error=error))
                time.sleep(delay)

    def _call_once(self, kind: type[Value], operation: str, extra_seconds: float, arguments: dict[str, Any]) -> Value:
        # zeep sends an explicit None as an empty element where the contract has an optional one.
        given = {name: value for name, value in arguments.items() if value is not None}
        if self.pour is not None:
            given["_soapheaders"] = {TIERS: {"numeroNational": self.pour}}
        with translated_errors(self._endpoint):
            if self._port is None:
                self._port = self._load_contract()
            self._transport.operation_timeout = self._endpoint.timeout + extra_seconds
            answer = self._port[operation](**given)
            if answer is None and self._transport.answered_an_empty_value():
                answer = {}
        return from_message(kind, answer)

    def _load_contract(self) -> ServiceProxy:
        settings = zeep.Settings(forbid_dtd=True, forbid_entities=True)
        client = zeep.Client(self._wsdl, transport=self._transport, settings=settings)  # type: ignore[no-untyped-call]  # zeep has no types
        # The address is always ours: that of a WSDL, read from a file or a server, decides nothing.
        port: ServiceProxy = client.create_service(f"{{{NAMESPACE}}}LotsSoap11", self.url)  # type: ignore[no-untyped-call]  # zeep has no types
        return port

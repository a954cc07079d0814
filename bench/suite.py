"""The measures of a run in their order: each plateforme by itself, audited before it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from rich.console import Console

from bench.corpus import Stock
from bench.directory import measure_directory
from bench.floors.signatures import RawSigner, Signatures
from bench.measures.bulk_revocations import measure_bulk_revocations
from bench.measures.campaign import measure_campaign
from bench.measures.follow_ups import measure_follow_ups
from bench.measures.idle import measure_idle
from bench.measures.keys import measure_keys
from bench.measures.lots import Round, measure_lots
from bench.measures.mixed import measure_mixed
from bench.measures.notices import measure_notices
from bench.measures.portal_pages import measure_portal_pages
from bench.measures.searches import filled, measure_searches
from bench.measures.singles import measure_singles
from bench.measures.status import measure_status
from bench.measuring.figures import Book
from bench.plan import Part, Plan, Sizes
from bench.plateforme import hosts, remote_services
from bench.plateforme.apart import apart
from bench.plateforme.auditing import require_clean_audit
from bench.plateforme.servers import Services, services
from bench.plateforme.sets import Model, Plateforme, ServiceSet
from bench.profiling.samples import Samples, sampled
from bench.profiling.table import by_process, table

_REAL_BITS, _SMALL_BITS = 4096, 2048
_IDLE_SECONDS = 5.0
_ROWS_OF_SEARCHES = 100  # for each item of the large lot: a million by default


class Suite:
    """One run over ``csrs``: ``main`` has the figures of the default set, ``sets`` those of each by its workers."""

    def __init__(self, plan: Plan, csrs: list[bytes], console: Console) -> None:
        """Nothing is measured yet."""
        self._plan, self._csrs, self._console = plan, csrs, console
        self._stack = ExitStack()
        self._signers: dict[int, RawSigner] = {}
        self.main = Book()
        self.sets: dict[str, dict[int, Book]] = {}

    def run(self) -> None:
        """Everything that is planned; AuditError when what was issued on any plateforme is not clean."""
        with ExitStack() as self._stack:
            self._run()

    def _run(self) -> None:
        plan, parts = self._plan, self._plan.parts
        self._without_plateforme()
        if Part.RSA2048 in parts:
            self._small_authority()
        if parts & {Part.EMBEDDED, Part.CAMPAIGN}:
            self._set(ServiceSet.EMBEDDED, Part.EMBEDDED, None)
        if parts & {Part.PRODUCTION, Part.CAMPAIGN, Part.SEARCHES}:
            with services(plan.work / "services") as served:
                if Part.SEARCHES in parts:
                    self._searches(served)
                self._set(ServiceSet.PRODUCTION, Part.PRODUCTION, served)
        if Part.NAMESPACES in parts:
            self._apart()

    def _searches(self, served: Services) -> None:
        rows = self._plan.items * _ROWS_OF_SEARCHES
        with filled(served.database, rows) as db:
            measure_searches(db, self.main, rows=rows)
            measure_portal_pages(db, self.main)

    def _without_plateforme(self) -> None:
        plan, parts = self._plan, self._plan.parts
        if Part.KEYS in parts:
            measure_keys(self.main)
        if Part.STATUS in parts:
            measure_status(plan.work / "status", self.main)
        if Part.REVOCATIONS in parts:
            measure_bulk_revocations(plan.work / "revocations", self.main)
        if Part.DIRECTORY in parts:
            for name, value in measure_directory(plan.work / "directory").items():
                self.main.note(name, value)
        if Part.NOTICES in parts:
            measure_notices(plan.work / "notices", self.main)

    def _small_authority(self) -> None:
        plan = self._plan
        model = Model(plan.work / "rsa2048", _SMALL_BITS, None)
        with self._running(model, plan.default_workers, _SMALL_BITS) as (plateforme, samples):
            self._lots(plateforme, samples, self.main, plan.full, self._stock(), bits=_SMALL_BITS)

    def _set(self, service_set: ServiceSet, part: Part, served: Services | None) -> None:
        plan = self._plan
        model = Model(plan.work / service_set.value, _REAL_BITS, served)
        is_default = service_set is ServiceSet.EMBEDDED
        books = self.sets[service_set.value] = {plan.default_workers: self.main if is_default else Book()}
        for workers in sorted({*plan.workers, plan.default_workers}) if part in plan.parts else ():
            whole = workers == plan.default_workers
            book = books.setdefault(workers, Book())
            sizes = plan.full if is_default and whole else plan.short
            with self._running(model, workers, _REAL_BITS) as (plateforme, samples):
                self._measure(plateforme, samples, sizes, book, whole=whole)
        if Part.CAMPAIGN in plan.parts:
            self._campaign(model, books[plan.default_workers])

    def _apart(self) -> None:
        """Relay and web service on one host, the workers on another; said when this machine cannot."""
        plan, sizes = self._plan, self._plan.short
        if (reason := hosts.missing() or remote_services.missing()) is not None:
            self._console.print(f"deux hôtes : pas ici, {reason}")
            self.main.note("two_hosts", reason)
            return
        book = Book()
        self.sets["two_hosts"] = {plan.default_workers: book}
        with (
            hosts.two_hosts() as (front, signing),
            remote_services.served(plan.work / "remote", [front.gateway, signing.gateway]) as services_there,
            sampled(plan.work / "samples", fast=False) as samples,
            apart(
                plan.work / "apart", front, signing, services_there, bits=_REAL_BITS, workers=plan.default_workers
            ) as plateforme,
        ):
            self._console.print(f"deux hôtes, AC RSA-{_REAL_BITS}, {plan.default_workers} processus de signature")
            stock = self._stock()
            self._lots(plateforme, samples, book, sizes, stock, bits=_REAL_BITS)
            measure_singles(
                plateforme, stock, book, self._floor(_REAL_BITS, sizes), count=sizes.singles, rounds=sizes.rounds
            )
            require_clean_audit(plateforme, plan.audited, where=front.there())
            self._console.print("  igc audit : rien à signaler")

    def _campaign(self, model: Model, book: Book) -> None:
        campaign, workers = self._plan.campaign, self._plan.default_workers
        with self._running(model, workers, _REAL_BITS) as (plateforme, samples):
            measure_campaign(
                plateforme, self._stock(), book, samples, self._console, lots=campaign.lots, items=campaign.items
            )

    def _measure(self, plateforme: Plateforme, samples: Samples, sizes: Sizes, book: Book, *, whole: bool) -> None:
        stock = self._stock()
        lot = self._lots(plateforme, samples, book, sizes, stock, bits=_REAL_BITS)
        measure_singles(
            plateforme, stock, book, self._floor(_REAL_BITS, sizes), count=sizes.singles, rounds=sizes.rounds
        )
        measure_follow_ups(plateforme, lot.index, book, seconds=sizes.window, rounds=sizes.rounds)
        if whole:
            measure_mixed(plateforme, stock, book, samples, items=sizes.items, singles=sizes.mixed_singles)
            measure_idle(book, seconds=_IDLE_SECONDS, rounds=sizes.rounds)

    def _lots(
        self,
        plateforme: Plateforme,
        samples: Samples,
        book: Book,
        sizes: Sizes,
        stock: Stock,
        *,
        bits: int,
    ) -> Round:
        """Measure lots, and where their CPU goes; gives one of them."""
        rounds = measure_lots(
            plateforme,
            stock,
            book,
            self._floor(bits, sizes),
            samples,
            bits=bits,
            items=sizes.items,
            rounds=sizes.rounds,
        )
        if self._plan.profile:
            windows, items = [one.window for one in rounds], sum(one.items for one in rounds)
            book.note(f"profile_rsa{bits}", table(samples, windows, items))
            book.note(f"profile_rsa{bits}_by_process", by_process(windows, items))
        return rounds[0]

    @contextmanager
    def _running(self, model: Model, workers: int, bits: int) -> Iterator[tuple[Plateforme, Samples]]:
        """A fresh copy of the model, which the auditor must find clean at the end."""
        plan = self._plan
        with (
            sampled(plan.work / "samples", fast=plan.profile) as samples,
            model.copied(workers) as plateforme,
        ):
            name = plateforme.service_set.value
            self._console.print(f"{name}, AC RSA-{bits}, {workers} processus de signature")
            yield plateforme, samples
            require_clean_audit(plateforme, plan.audited)
            self._console.print("  igc audit : rien à signaler")

    def _floor(self, bits: int, sizes: Sizes) -> Callable[[], Signatures]:
        """Bare signatures, by processes that are started once for the whole run."""
        if bits not in self._signers:
            self._signers[bits] = self._stack.enter_context(RawSigner(bits))
        return partial(self._signers[bits].round, sizes.window)

    def _stock(self) -> Stock:
        return Stock(self._csrs)

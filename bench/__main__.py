"""``python -m bench``: run every measure, write ``latest.json`` and ``latest.md``, print the tables."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.corpus import load_csrs
from bench.plan import ALL_HERE, Part, Plan
from bench.plateforme.auditing import AuditError
from bench.report import write
from bench.suite import Suite
from runtime import logs

RESULTS = Path(__file__).parent / "results"
WORK = Path("var/bench")


def main(
    items: Annotated[int, typer.Option(help="Demandes du grand lot.", min=100)] = 10_000,
    results: Annotated[Path, typer.Option(help="Dossier des résultats.")] = RESULTS,
    workers: Annotated[str, typer.Option(help="Nombres de processus de signature à essayer.")] = "1,2,3",
    only: Annotated[list[Part] | None, typer.Option(help="Ne mesurer que ces parties.")] = None,
    campaign: Annotated[bool, typer.Option("--campaign", help="Dix lots de 10 000 sur chaque jeu.")] = False,  # noqa: FBT002 -- a flag
    namespaces: Annotated[bool, typer.Option("--namespaces", help="Aussi sur deux hôtes (root).")] = False,  # noqa: FBT002 -- a flag
    profile: Annotated[bool, typer.Option("--profile", help="Dire où va le temps d'un lot.")] = False,  # noqa: FBT002 -- a flag
) -> None:
    """Mesure la plateforme sur cette machine ; les clés sont faites une fois et gardées dans var/bench."""
    # Where nobody sees the width of a terminal, the tables have that of a page.
    console = Console(width=None if sys.stdout.isatty() else 160)
    logs.configure("WARNING", "console", process="bench")
    WORK.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    plan = Plan(
        items=items,
        work=WORK.absolute(),
        results=results,
        workers=[int(number) for number in workers.split(",")],
        default_workers=cores + 1,
        profile=profile,
        parts=frozenset(only or ALL_HERE) | ({Part.NAMESPACES} if namespaces else set()),
        whole_campaign=campaign,
    )
    suite = Suite(plan, load_csrs(WORK / "csr.bin", plan.requests, console), console)
    suite.main.note("date", datetime.now(UTC).isoformat(timespec="seconds"))
    suite.main.note("cores", cores)
    suite.main.note("items", items)
    failure = None
    try:
        suite.run()
    except AuditError as error:
        failure = str(error)
    suite.main.note("audit", "clean" if failure is None else failure)
    write(suite.main, suite.sets, results, console)
    if failure is not None:
        console.print(failure, style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)

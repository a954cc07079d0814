"""``igc restore``: let a plateforme go on whose database was restored from a backup, on the machine that signs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from batch.past.evidence import find_past
from batch.past.guard import stopped
from batch.past.marks import Mark, Marks, MarksError, read_marks
from batch.past.restoring import Plan, Witnesses, carry_out, knows_any, make_plan
from commands.composition import Instance, started
from commands.options import ConfigOption
from runtime.clock import system_clock
from storage.refusals import DatabaseRefusedError, check_exists, refusals_told

_SHOWN = 20


ListsOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Dossier de CRL publiées, reprises chez ceux qui les téléchargent ; à répéter.",
        exists=True,
        file_okay=False,
    ),
]
MarksOption = Annotated[
    list[Path] | None,
    typer.Option(help="Fichier reperes.json d'une autre machine qui signe ; à répéter.", exists=True, dir_okay=False),
]
AnchorOption = Annotated[str | None, typer.Option(help="Dernière ancre connue de la piste d'audit : NUMERO:EMPREINTE.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Dire ce qui serait fait, sans rien faire.")]
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Même si rien ici ne montre que la base est ancienne (machine restaurée entière)."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Ne pas demander de confirmation.")]


def run(
    lists: ListsOption = None,
    marks: MarksOption = None,
    anchor: AnchorOption = None,
    dry_run: DryRunOption = False,  # noqa: FBT002 -- a flag
    force: ForceOption = False,  # noqa: FBT002 -- a flag
    yes: YesOption = False,  # noqa: FBT002 -- a flag
    config: ConfigOption = None,
) -> None:
    """Remet en marche une plateforme dont la base a été restaurée : numéros et révocations repris de ce qui a paru."""
    try:
        witnesses = Witnesses(tuple(lists or ()), tuple(_marks(path) for path in marks or ()), _anchor(anchor))
        with started(config, "restauration", "restauration") as here, refusals_told():
            check_exists(here.settings.database_dsn())
            _restore(here, witnesses, dry_run=dry_run, force=force, yes=yes)
    except MarksError as error:
        _fail(f"{error} : écartez ce fichier, puis relancez")
    except (DatabaseRefusedError, OSError) as error:
        _fail(f"{error}. Ce qui est repris le reste ; relancez ensuite")


def _marks(path: Path) -> Marks:
    return read_marks(path) or Marks()


def _anchor(text: str | None) -> Mark | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-fA-F]{64})", text.strip())
    if found is None:
        raise typer.BadParameter("NUMERO:EMPREINTE attendu, tel que l'a écrit un contrôle", param_hint="--anchor")
    return Mark(numero=int(found[1]), empreinte=found[2].lower(), date=system_clock())


def _restore(here: Instance, witnesses: Witnesses, *, dry_run: bool, force: bool, yes: bool) -> None:
    reason = stopped(here.db)
    found = find_past(here.db, here.evidence)
    for sentence in found or ([] if reason is None else [reason]):
        typer.echo(f"- {sentence}")
    if not found and reason is None and not force:
        _fail("rien ne montre que la base est ancienne ; --force si la machine entière a été restaurée")
    if not knows_any(here.db, here.authorities):
        _fail("aucune des AC de ces réglages n'est dans cette base : c'est celle d'une autre plateforme")
    _show(make_plan(here.db, here.evidence, witnesses, system_clock()))
    if dry_run:
        return
    _confirm(yes=yes)
    # From now on nobody else goes on, also when this is broken off; numbers given until now are seen.
    here.guard.stop("une reprise est commencée")
    plan = make_plan(here.db, here.evidence, witnesses, system_clock())
    # A machine that has never sealed keeps no marks, and need not begin.
    marks = here.marks_file if here.marks_file.parent.is_dir() else None
    carry_out(here.db, here.evidence, plan, system_clock, marks)
    typer.echo(
        "Reprise faite. Publiez maintenant (igc publish-crl), contrôlez (igc audit), et refaites ce que le temps perdu "
        "avait apporté : docs/exploitation.md, « La base a été restaurée »."
    )


def _show(plan: Plan) -> None:
    if plan.since is not None:
        typer.echo(f"La base s'arrête au {plan.since:%d/%m/%Y %H:%M} UTC : ce qui a suivi est perdu, sauf :")
    for one in plan.lists:
        typer.echo(f"CRL de {one.autorite} : base n° {one.stored}, vu n° {one.seen}, la suite après {one.following}")
    for name in plan.carried:
        typer.echo(f"CRL de la racine {name} : celle qui est publiée est reprise")
    for counter in plan.counters:
        typer.echo(f"Numéros de {counter.nom} : {counter.stands} dans la base, la suite à {counter.following}")
    typer.echo(
        f"Révocations publiées à reprendre : {len(plan.known)} ; de certificats que la base ne connaît pas : "
        f"{len(plan.unknown)}"
    )
    for entry in plan.differing[:_SHOWN]:
        typer.echo(
            f"À EXAMINER {entry.autorite} {entry.serial} : la base dit une autre date ou une autre raison que la liste "
            f"publiée ({entry.revoque_le:%d/%m/%Y %H:%M:%S} UTC, {entry.raison})"
        )
    if len(plan.differing) > _SHOWN:
        typer.echo(f"... et {len(plan.differing) - _SHOWN} de plus")


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        _fail("sans terminal pour confirmer, ajoutez --yes. Rien n'a été fait")
    answer = typer.prompt("Reprendre ainsi ? [o/N]", default="", show_default=False, err=True)
    if answer.strip().lower() not in {"o", "oui"}:
        _fail("rien n'a été fait")


def _fail(reason: str) -> None:
    typer.echo(f"igc restore : {reason}.", err=True)
    raise typer.Exit(1)

"""``igc directory import``: an extract, or a file of the operator, into the directory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from batch.directory.finess import FinessExtract
from batch.directory.rpps import RppsExtract
from batch.directory.spreadsheets import StaffFile, StructuresFile
from commands.auteur import AUTEUR_LENGTH, account
from commands.composition import started
from commands.directory.rejects import RejectsFile
from commands.french import number
from commands.options import ConfigOption
from commands.stopping import stop_asked
from registration.directory.conduct import Conduct, Summary
from registration.directory.entries import Extract
from registration.directory.importing import import_extract
from registration.directory.storing import Effect
from runtime.errors import OperatorError
from storage.refusals import check_exists

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(StrEnum):
    """What a file is."""

    RPPS = "rpps"
    FINESS = "finess"
    STRUCTURES = "structures"
    STAFF = "staff"


_PartialOption = Annotated[
    bool, typer.Option("--partial", help="structures, staff : le fichier ajoute et change, rien ne disparaît.")
]


def run(
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="NATURE",
            help="rpps : PS_LibreAcces_Personne_activite ; finess : établissements ou entités juridiques ; "
            "structures : CSV de structures ; staff : CSV du personnel PE et PA.",
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="FICHIER", help="Le fichier, ou son archive zip.", exists=True)],
    rejects: Annotated[
        Path | None,
        typer.Option(help="Fichier CSV des lignes écartées ; par défaut FICHIER.rejets.csv dans le dossier courant."),
    ] = None,
    most_gone: Annotated[
        float,
        typer.Option(
            "--most-gone",
            min=0,
            max=100,
            help="Pour cent des entrées de cette source qui peuvent disparaître d'un coup ; au-delà, refus.",
        ),
    ] = 5.0,
    partial: _PartialOption = False,  # noqa: FBT002 -- a flag
    structure: Annotated[
        list[str] | None,
        typer.Option(
            help="staff : une structure dont le fichier dit tout le personnel, même s'il n'en reste personne."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Fait dire à l'annuaire ce que dit un fichier ; le même fichier une seconde fois ne change rien.

    Un fichier coupé, ou auquel il manque une colonne, est refusé avant que rien soit écrit. Ce qui n'y est plus est
    daté, jamais effacé.
    """
    extract = _open(kind, file, partial=partial, structures=structure or [])
    with (
        started(config, "annuaire", f"annuaire par {account()}"[:AUTEUR_LENGTH]) as here,
        RejectsFile(rejects or Path(f"{file.name}.rejets.csv")) as left_out,
        stop_asked() as stop,
        _progress() as tell,
    ):
        check_exists(here.settings.database_dsn())
        conduct = Conduct(reject=left_out.write, tell=tell, stop=stop.is_set, most_gone=most_gone)
        summary = import_extract(here.db, here.plateforme, extract, conduct)
    _show(summary, left_out.path)


def _open(kind: Kind, file: Path, *, partial: bool, structures: list[str]) -> Extract:
    if partial and kind not in {Kind.STRUCTURES, Kind.STAFF}:
        raise OperatorError("--partial ne vaut que pour structures et staff : une extraction publique est entière")
    if structures and kind is not Kind.STAFF:
        raise OperatorError("--structure ne vaut que pour staff")
    if kind is Kind.RPPS:
        return RppsExtract(file)
    if kind is Kind.FINESS:
        return FinessExtract(file)
    if kind is Kind.STRUCTURES:
        return StructuresFile(file, is_whole=not partial)
    return StaffFile(file, is_whole=not partial, also=frozenset(structures))


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar on the error output while a person looks, nothing for a file or a timer."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def tell(step: str, done: int, total: int | None) -> None:
            progress.update(task, description=step, completed=done, total=total)

        yield tell


def _show(summary: Summary, rejects: Path) -> None:
    if summary.is_unchanged:
        typer.echo("Ce fichier est déjà dans l'annuaire, et rien ne l'a changé depuis : rien à faire.")
        return
    told = f" (voir {rejects})" if summary.rejets else ""
    typer.echo(f"Lignes lues : {number(summary.lignes)} ; écartées : {number(summary.rejets)}{told}.")
    for name, label in (("structure", "Structures"), ("personne", "Personnes"), ("rattachement", "Rattachements")):
        counts = " ; ".join(f"{effect.value} : {number(summary.effects[name, effect])}" for effect in Effect)
        typer.echo(f"{label} : {counts}.")

"""Who types, on which instance, for which reason; how days are typed and lists shown."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from commands.auteur import AUTEUR_LENGTH, account
from commands.composition import Instance, started
from registration.wording import moment
from runtime.cells import cell
from runtime.errors import OperatorError
from storage.refusals import check_exists

_PARIS = ZoneInfo("Europe/Paris")


class Form(StrEnum):
    """How a list is written."""

    TEXTE = "texte"
    CSV = "csv"
    JSON = "json"


OperateurOption = Annotated[
    str | None,
    typer.Option(
        "--operateur", help="Qui agit, pour la piste d'audit, quand plusieurs partagent ce compte ; le compte y reste."
    ),
]
BeginsOption = Annotated[
    str | None, typer.Option("--from", metavar="JOUR", help="Premier jour, comme 2027-01-31 ; sinon maintenant.")
]
EndsOption = Annotated[
    str | None, typer.Option("--until", metavar="JOUR", help="Dernier jour ; sinon jusqu'à son retrait.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Pourquoi ; gardé avec la ligne et dans la piste d'audit.")]
FormOption = Annotated[Form, typer.Option("--format", help="texte, csv (UTF-8, `;`) ou json.")]


@contextmanager
def at_work(config: Path | None, operateur: str | None) -> Iterator[Instance]:
    """The instance of the settings, for an operator whom the audit trail names; OperatorError when it cannot be."""
    who = account()
    if operateur is not None:
        if not operateur.strip() or not operateur.isprintable():
            raise OperatorError("--operateur : un nom lisible attendu")
        who = f"{operateur.strip()} ({who})"
    auteur = f"operateur {who}"
    if len(auteur) > AUTEUR_LENGTH:
        raise OperatorError("--operateur : nom trop long")
    with started(config, "operateur", auteur) as here:
        check_exists(here.settings.database_dsn())
        yield here


def read_day(text: str) -> date:
    """A day, as 2027-01-31; OperatorError for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise OperatorError(f"« {text} » : un jour attendu, comme 2027-01-31") from None


def begin_of(text: str | None) -> datetime | None:
    """The first instant of a day in Paris; None for none."""
    return None if not text else _midnight(read_day(text))


def end_of(text: str | None) -> datetime | None:
    """The first instant after a day in Paris, which is the last that counts; None for none."""
    return None if not text else _midnight(read_day(text) + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_PARIS)


def shown(value: object) -> str:
    """A value as people read it: moments of Paris, nothing for None."""
    if value is None:
        return ""
    return moment(value) if isinstance(value, datetime) else str(value)


def show(columns: Sequence[str], rows: Sequence[Sequence[object]], form: Form) -> None:
    """Write a list on the output; moments are of Paris in text, instants of ISO 8601 otherwise."""
    if form is Form.JSON:
        found = [dict(zip(columns, map(_exact, row), strict=True)) for row in rows]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    elif form is Form.CSV:
        writer = csv.writer(sys.stdout, delimiter=";", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell(_exact(value)) for value in row] for row in rows)
    else:
        for row in rows:
            typer.echo(" ; ".join(shown(value) for value in row).rstrip(" ;"))


def _exact(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value

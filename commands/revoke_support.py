"""What the two ways to revoke share: the instance, the question before, the stop in between, the publication after."""

from __future__ import annotations

import os
import pwd
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from commands.composition import open_database
from pki.authority import Authority, load_authorities
from registration.published import PublishedLists
from runtime.logs import configure
from runtime.secret_file import SecretFileError
from runtime.settings import Settings
from storage.database import Database

# A list may be made twice before it is sure to carry what was committed last: a minute, and the relay's half of one.
PUBLICATION_SECONDS = 300.0
_POLL_SECONDS = 1.0
_AUTEUR_LENGTH = 64

YesOption = Annotated[bool, typer.Option("--yes", help="Ne pas demander de confirmation.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Dire ce qui serait fait, sans rien faire.")]
PublishOption = Annotated[
    bool, typer.Option("--publish", help="Attendre (5 minutes au plus) que les CRL publiées portent les révocations.")
]


@dataclass(frozen=True, slots=True)
class Place:
    """The instance in which to revoke."""

    settings: Settings
    db: Database
    authorities: Mapping[str, Authority]
    err: Console


@contextmanager
def opened(config: Path | None) -> Iterator[Place]:
    """The instance of the settings; what its database or a file refuses is one line, with status 1."""
    settings = Settings.load(config)
    configure(settings.logging, process="revocation")
    address = make_url(settings.database_dsn())
    if address.drivername == "sqlite" and not Path(address.database or "").exists():
        fail("la base de données n'existe pas")  # opening it would make one
    authorities = load_authorities(settings.pki.authorities_dir)
    db = open_database(settings, f"revocation par {_account()}"[:_AUTEUR_LENGTH])
    try:
        yield Place(settings, db, authorities, Console(stderr=True, highlight=False))
    except SQLAlchemyError as error:
        # The text of the library may quote the address and the account.
        fail(f"la base de données refuse ({type(error).__name__}). Ce qui est révoqué le reste ; relancez ensuite.")
    except (OSError, SecretFileError) as error:
        fail(str(error))
    finally:
        db.dispose()


def _account() -> str:
    """Who typed the command, for the audit trail."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def fail(reason: str) -> NoReturn:
    """Say why on the error output, and end with status 1."""
    typer.echo(f"igc revoke : {reason}", err=True)
    raise typer.Exit(1)


def confirm(question: str, *, yes: bool) -> None:
    """Go on when the person at the terminal agrees, or ``yes``; without a terminal only with ``yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail("sans terminal pour confirmer, ajoutez --yes. Rien n'a été fait.")
    answer = typer.prompt(f"{question} [o/N]", default="", show_default=False, err=True)
    if answer.strip().lower() not in {"o", "oui"}:
        fail("rien n'a été fait.")


@contextmanager
def stop_asked() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set for the time of a ``with`` block, so that work ends where it may."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    former = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def tell_publication(place: Place, samples: Mapping[str, tuple[str, str]], *, publish: bool) -> None:
    """Say when the lists will carry what was revoked, or wait for it; ``samples`` are (serial, reason) by authority.

    Of each authority the sample is what was revoked last: a list that carries it carries what was committed before.
    Status 1 when it takes longer than PUBLICATION_SECONDS.
    """
    if not samples:
        return
    names = ", ".join(sorted(samples))
    typer.echo("OCSP répond « revoked » dès maintenant.")
    if not publish:
        typer.echo(f"CRL de {names} : publiées d'elles-mêmes dans les deux minutes, si relais et worker tournent.")
        return
    lists, waiting = PublishedLists(place.db), dict(samples)
    deadline = time.monotonic() + PUBLICATION_SECONDS
    with stop_asked() as stop:
        while waiting and time.monotonic() < deadline and not stop.is_set():
            waiting = {name: one for name, one in waiting.items() if not lists.carry(name, *one)}
            if waiting:
                stop.wait(_POLL_SECONDS)
    if waiting:
        fail(
            f"CRL de {', '.join(sorted(waiting))} : pas encore publiées. Les révocations sont faites ; vérifiez que le "
            "relais et un worker qui a la clé tournent (igc check-publication)."
        )
    typer.echo(f"CRL de {names} : publiées.")


def number(count: int) -> str:
    """Thousands apart, as one reads them in French."""
    return f"{count:,}".replace(",", " ")

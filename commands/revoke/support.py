"""What the two ways to revoke share: the instance, the question before, the stop in between, the publication after."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from batch.lists.contents import PublishedLists
from commands.auteur import AUTEUR_LENGTH, account
from commands.composition import Instance, started
from commands.stopping import stop_asked
from runtime.secret_file import SecretFileError
from storage.refusals import DatabaseRefusedError, check_exists, refusals_told

# A list may be made twice before it is sure to carry what was committed last: a minute, and the relay's half of one.
PUBLICATION_SECONDS = 300.0
_POLL_SECONDS = 1.0

YesOption = Annotated[bool, typer.Option("--yes", help="Ne pas demander de confirmation.")]
PublishOption = Annotated[
    bool, typer.Option("--publish", help="Attendre (5 minutes au plus) que les CRL publiées portent les révocations.")
]


@contextmanager
def opened(config: Path | None) -> Iterator[Instance]:
    """The instance of the settings; what its database or a file refuses is one line, with status 1."""
    auteur = f"revocation par {account()}"[:AUTEUR_LENGTH]
    try:
        with started(config, "revocation", auteur) as here, refusals_told():
            check_exists(here.settings.database_dsn())
            yield here
    except DatabaseRefusedError as error:
        fail(f"{error}. Ce qui est révoqué le reste ; relancez ensuite.")
    except (OSError, SecretFileError) as error:
        fail(str(error))


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


def tell_publication(here: Instance, samples: Mapping[str, tuple[str, str]], *, publish: bool) -> None:
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
    lists, waiting = PublishedLists(here.db, here.authorities), dict(samples)
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

"""``igc demo``: a TEST plateforme in ``var/demo``, and a hospital that uses it for real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def run(
    lot: Annotated[
        int,
        typer.Option(help="Nombre de demandes du lot ; tout y est à partir de 23."),
    ] = 60,
    exit_: Annotated[  # noqa: FBT002 -- a flag of the command line
        bool, typer.Option("--exit", help="Se terminer après la vérification.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Dossier de la démonstration.")] = Path("var/demo"),
) -> None:
    """Démonstration : une plateforme de TEST complète, et un hôpital qui s'en sert."""
    # Only here: every process of the plateforme reads this package's signature, none of them needs the client.
    from commands.demo.play import play  # noqa: PLC0415 -- heavy, and only for this verb

    play(lot, folder.absolute(), ends_by_itself=exit_)

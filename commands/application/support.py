"""What the verbs of applications share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.composition import Instance
from registration.acteurs.applications import Applications
from registration.acteurs.identity import Peer
from registration.acteurs.refusals import ActeurRefusedError
from registration.wording import moment

MAX_BYTES = 64 * 1024

IdArgument = Annotated[
    str,
    typer.Argument(metavar="IDENTIFIANT", help="Identifiant de l'application, à vie : par exemple 10B0990011/DPI."),
]


def applications_of(here: Instance) -> Applications:
    """The applications of an instance."""
    return Applications(here.db, here.plateforme, here.client_authorities)


def read_file(path: Path) -> bytes:
    """The content of a small file; ActeurRefusedError for a large one, OSError when it cannot be read."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ActeurRefusedError(f"{path} : plus de {MAX_BYTES // 1024} Ko")
    return data


def tell(id_national: str, peer: Peer) -> None:
    """Say by which certificate an application is recognised from now on."""
    typer.echo(
        f"{id_national} : reconnue par {peer.authority} {peer.serial}, jusqu'au {moment(peer.not_after)} (Paris)."
    )

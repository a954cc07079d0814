"""``igc application register`` and ``renew``: by a certificate that an authority of the web service has issued."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.application.support import IdArgument, applications_of, read_file, tell
from commands.operateur.support import OperateurOption, at_work, end_of
from commands.options import ConfigOption
from registration.acteurs.applications import certificate_of
from runtime.clock import system_clock

_CertificateArgument = Annotated[
    Path,
    typer.Argument(metavar="CERTIFICAT", help="Son certificat client, PEM ou DER.", exists=True, dir_okay=False),
]


def register(
    ident: IdArgument,
    certificate: _CertificateArgument,
    label: Annotated[str, typer.Option("--label", help="Libellé, que l'historique des demandes montre.")],
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Inscrit une application par son certificat client ; elle n'a encore aucune habilitation."""
    with at_work(config, operateur) as here:
        der = certificate_of(read_file(certificate))
        peer = applications_of(here).register(ident, label, der, system_clock())
    tell(ident, peer)


def renew(
    ident: IdArgument,
    certificate: _CertificateArgument,
    old_until: Annotated[
        str | None,
        typer.Option(
            "--old-until",
            metavar="JOUR",
            help="Dernier jour des certificats précédents, comme 2027-01-31 ; par défaut ils valent jusqu'à leur fin.",
        ),
    ] = None,
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Ajoute un certificat à une application : l'ancien et le nouveau valent ensemble le temps d'en changer."""
    with at_work(config, operateur) as here:
        der = certificate_of(read_file(certificate))
        peer = applications_of(here).renew(ident, der, system_clock(), old_until=end_of(old_until))
    tell(ident, peer)

"""``igc application enroll``: certify the key of an application that has no certificate in force, and register it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from batch.issuing.own_certificates import certify
from commands.application.support import IdArgument, applications_of, read_file, tell
from commands.operateur.support import OperateurOption, at_work
from commands.options import ConfigOption
from pki.certificates.pem import certificate_pem
from pki.errors import NoIssuerError
from registration.acteurs.applications import PRODUCT, check_id
from registration.acteurs.first_certificate import draw_up
from registration.acteurs.refusals import ActeurRefusedError
from runtime.clock import system_clock
from runtime.whole_files import write_new


def run(
    ident: IdArgument,
    csr: Annotated[
        Path,
        typer.Argument(
            metavar="CSR", help="Sa CSR (PKCS#10), PEM ou DER ; la clé reste chez elle.", exists=True, dir_okay=False
        ),
    ],
    structure: Annotated[str, typer.Option("--structure", help="Structure à laquelle elle appartient.")],
    label: Annotated[
        str, typer.Option("--label", help="Libellé, et nom du service dans le certificat (64 signes au plus).")
    ],
    out: Annotated[Path, typer.Option("--out", help="Où écrire le certificat et sa chaîne, PEM.", dir_okay=False)],
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Certifie la clé d'une application qui n'a pas de certificat, et l'inscrit. Là où sont les clés des AC.

    Pour la première application d'une plateforme, ou une autre dont le certificat a pris fin : les certificats
    suivants se demandent comme tout autre, par le service web ou le portail.
    """
    check_id(ident)
    with at_work(config, operateur) as here:
        if out.exists():
            raise ActeurRefusedError(f"{out} existe déjà")
        applications = applications_of(here)
        drawn = draw_up(here.db, here.plateforme, structure, label, read_file(csr), here.key_policy)
        try:
            der, authority = certify(here.worker_context("application"), here.plateforme, drawn.content, drawn.spki)
        except NoIssuerError:
            raise ActeurRefusedError(
                f"aucune AC en vigueur dont la clé soit ici ne délivre {PRODUCT} : le faire là où est un worker"
            ) from None
        # On the disk before anything depends on it: it could be registered by hand.
        write_new(out, b"".join(certificate_pem(one) for one in (der, *authority.chain[:-1])), secret=False)
        now = system_clock()
        if applications.is_known(ident):
            peer = applications.renew(ident, der, now)
        else:
            peer = applications.register(ident, label, der, now)
    tell(ident, peer)
    typer.echo(f"Certificat et chaîne : {out}")

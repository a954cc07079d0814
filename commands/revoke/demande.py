"""``igc revoke demande``: the certificates of demandes that are named by their numbers."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from commands.options import ConfigOption, DryRunOption
from commands.revoke.support import PublishOption, YesOption, confirm, fail, opened, tell_publication
from commands.revoke.work import LABELS
from pki.status.reasons import REASONS
from registration.acteurs.applications import check_motif
from registration.revocation.by_demande import Meant, revoke_demandes, survey_demandes
from runtime.clock import system_clock


def run(
    numeros: Annotated[list[int], typer.Argument(metavar="NUMERO...", help="Numéros de demande.", min=1)],
    reason: Annotated[str, typer.Option(help=f"Raison de la CRL : {', '.join(REASONS)}.")],
    motif: Annotated[str, typer.Option(help="Pourquoi, en clair, pour la piste d'audit.")],
    dry_run: DryRunOption = False,  # noqa: FBT002 -- a flag
    yes: YesOption = False,  # noqa: FBT002 -- a flag
    publish: PublishOption = False,  # noqa: FBT002 -- a flag
    config: ConfigOption = None,
) -> None:
    """Révoque les certificats de demandes, nommées par leur numéro (`igc demande find`). Tout ou rien."""
    if reason not in REASONS:
        raise typer.BadParameter(f"raisons connues : {', '.join(REASONS)}", param_hint="--reason")
    motif = check_motif(motif)
    wanted = list(dict.fromkeys(numeros))
    with opened(config) as here:
        found = survey_demandes(here.db, here.plateforme, wanted, reason, system_clock())
        for meant in found:
            typer.echo(_sentence(meant))
        if any(meant.outcome is None for meant in found):
            fail("des demandes n'ont pas de certificat à révoquer. Rien n'a été fait.")
        if dry_run:
            typer.echo("Essai : rien n'a été fait.")
            return
        changes = sum(meant.outcome is not None and meant.outcome.is_change for meant in found)
        if changes:
            confirm(f"Plateforme {here.settings.plateforme} : révoquer {changes} certificats ?", yes=yes)
        done = revoke_demandes(here.db, wanted, reason, system_clock, motif)
        counts = Counter(one.outcome for one in done.certificates)
        typer.echo("Résultat : " + ", ".join(f"{LABELS[outcome]} {count}" for outcome, count in counts.items()) + ".")
        samples = {
            one.autorite: (one.serial, one.raison) for one in done.certificates if one.outcome.is_change and one.raison
        }
        tell_publication(here, samples, publish=publish)


def _sentence(meant: Meant) -> str:
    if meant.etat is None:
        return f"- demande n° {meant.numero} : inconnue sur cette plateforme"
    if meant.outcome is None:
        return f"- demande n° {meant.numero} : {meant.etat}, sans certificat"
    parts = [LABELS[meant.outcome], f"{meant.autorite} {meant.serial}", f"porteur {meant.porteur}"]
    if meant.contact:
        parts.append(f"à prévenir : {meant.contact}")
    return f"- demande n° {meant.numero} : {' · '.join(parts)}"

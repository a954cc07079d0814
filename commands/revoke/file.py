"""``igc revoke file``: every certificate of a list of serials, in blocks, throttled, and resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from commands.composition import Instance
from commands.french import number
from commands.options import ConfigOption, DryRunOption
from commands.revoke.support import PublishOption, YesOption, confirm, fail, opened, tell_publication
from commands.revoke.work import LABELS, Tally, work
from pki.status.reasons import REASONS
from registration.revocation.by_list import Survey, survey
from registration.revocation.list_file import RevocationFile, RevocationFileError, read_revocations
from registration.rules.revocation import Outcome
from runtime.clock import system_clock

_SHOWN = 10
_UNFIT = (Outcome.UNKNOWN, Outcome.AMBIGUOUS)
_SUMMARY = {
    Outcome.REVOKED: "révoqués",
    Outcome.STRENGTHENED: "raison changée en keyCompromise",
    Outcome.UNCHANGED: "déjà révoqués",
    Outcome.EXPIRED: "expirés, rien à révoquer",
    Outcome.UNKNOWN: "inconnus",
}


_ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Reprendre une révocation interrompue, sans redemander de confirmation.")
]
_IgnoreOption = Annotated[
    bool, typer.Option("--ignore-unknown", help="Passer les séries inconnues au lieu de s'arrêter.")
]


def _rate(text: str) -> float:
    digits = text.strip().lower().removesuffix("/s").strip()
    if not digits.isascii() or not digits.isdigit() or int(digits) == 0:
        raise typer.BadParameter("un nombre de certificats par seconde est attendu, comme 200/s")
    return float(digits)


def run(
    file: Annotated[Path, typer.Argument(metavar="FICHIER", help="Une série par ligne : série ; autorité ; raison.")],
    reason: Annotated[
        str | None, typer.Option(help=f"Raison des lignes qui n'en ont pas : {', '.join(REASONS)}.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(parser=_rate, metavar="N/s", help="Au plus N certificats par seconde.")
    ] = None,
    resume: _ResumeOption = False,  # noqa: FBT002 -- a flag
    ignore_unknown: _IgnoreOption = False,  # noqa: FBT002 -- a flag
    dry_run: DryRunOption = False,  # noqa: FBT002 -- a flag
    yes: YesOption = False,  # noqa: FBT002 -- a flag
    report: Annotated[
        Path | None, typer.Option(help="Fichier CSV du résultat de chaque série.", dir_okay=False)
    ] = None,
    publish: PublishOption = False,  # noqa: FBT002 -- a flag
    config: ConfigOption = None,
) -> None:
    """Révoque les certificats d'un fichier de séries. Retour : 0 tout est révoqué ou expiré, 1 sinon.

    Rien n'est fait tant que le fichier entier n'est pas bon. La même commande relancée reprend où elle s'est arrêtée.
    """
    if reason is not None and reason not in REASONS:
        raise typer.BadParameter(f"raisons connues : {', '.join(REASONS)}", param_hint="--reason")
    with opened(config) as here:
        wanted, digest = _read(here, file, reason)
        found = survey(here.db, wanted.lines, here.authorities, system_clock())
        _show(wanted, found)
        _check(found, ignore_unknown=ignore_unknown)
        if dry_run:
            typer.echo("Essai : rien n'a été fait.")
            return
        if found.changes:
            confirm(
                f"Plateforme {here.settings.plateforme} : révoquer {number(found.changes)} certificats ?",
                yes=yes or resume,
            )
        tally = work(here.db, here.authorities, wanted.lines, f"fichier {file.name}, SHA-256 {digest}", rate, report)
        _summarize(tally)
        tell_publication(here, tally.samples, publish=publish)


def _read(here: Instance, file: Path, reason: str | None) -> tuple[RevocationFile, str]:
    """What the file asks for, and its SHA-256 for the audit trail."""
    digest = hashlib.sha256()

    def lines() -> Iterator[bytes]:
        with file.open("rb") as content:
            for line in content:
                digest.update(line)
                yield line

    try:
        return read_revocations(lines(), reason, here.authorities), digest.hexdigest()
    except RevocationFileError as error:
        fail(f"{file.name} : rien n'a été fait.\n{error}")


def _show(wanted: RevocationFile, found: Survey) -> None:
    typer.echo(f"Séries à révoquer dans le fichier : {number(len(wanted.lines))}.")
    if wanted.duplicates:
        named = ", ".join(f"{line} (comme {earlier})" for line, earlier in wanted.duplicates[:_SHOWN])
        more = f" et {number(len(wanted.duplicates) - _SHOWN)} autres" if len(wanted.duplicates) > _SHOWN else ""
        typer.echo(f"Lignes en double, comptées une fois : {named}{more}.")
    for looked in found.unfit:
        typer.echo(f"ligne {looked.line.number} : {looked.line.serial} : {LABELS[looked.outcome]}")
    if (hidden := sum(found.counts[outcome] for outcome in _UNFIT) - len(found.unfit)) > 0:
        typer.echo(f"... et {number(hidden)} autres.")
    typer.echo(
        f"À révoquer : {number(found.counts[Outcome.REVOKED])} ; raison à changer : "
        f"{number(found.counts[Outcome.STRENGTHENED])} ; déjà révoqués : {number(found.counts[Outcome.UNCHANGED])} ; "
        f"expirés : {number(found.counts[Outcome.EXPIRED])} ; inconnus : {number(found.counts[Outcome.UNKNOWN])}."
    )


def _check(found: Survey, *, ignore_unknown: bool) -> None:
    if found.counts[Outcome.AMBIGUOUS]:
        fail("des séries existent chez plusieurs autorités : nommez l'autorité sur leur ligne. Rien n'a été fait.")
    if found.counts[Outcome.UNKNOWN] and not ignore_unknown:
        fail("des séries sont inconnues : corrigez le fichier, ou ajoutez --ignore-unknown. Rien n'a été fait.")


def _summarize(tally: Tally) -> None:
    """Status 1 when a signal ended the work before its end."""
    counts = [(_SUMMARY[outcome], tally.counts[outcome]) for outcome in _SUMMARY]
    counts += [("autres certificats des mêmes clés", tally.others), ("demandes abandonnées", tally.given_up)]
    typer.echo("Résultat : " + ", ".join(f"{text} {number(count)}" for text, count in counts if count) + ".")
    if tally.done < tally.total:
        fail(
            f"arrêté après {number(tally.done)} séries sur {number(tally.total)}. Ce qui est révoqué le reste ; "
            "relancez la même commande avec --resume pour continuer."
        )

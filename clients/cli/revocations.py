"""The command that revokes: one certificate, or those of a table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.display import Display
from clients.cli.failures import CommandLineError, ExitCode
from clients.cli.options import AsJson, Reference
from clients.cli.support import open_service
from clients.contract.revocations import (
    MOTIFS,
    ROLES,
    AccuseRevocation,
    DemandeRevocation,
    RevocationSuivie,
    VerdictRevocation,
)
from clients.keys.certificate import issuer_and_serial
from clients.lots.revocations import read_revocations
from clients.lots.workflow import follow_to_end
from clients.service.lots import ServiceLots

_COLUMNS = ("position", "référence", "résultat", "produit", "révocation", "prévue le", "révoqué le", "erreur")


def revoke_command(
    context: typer.Context,
    table: Annotated[
        Path | None, typer.Argument(help="Certificats à révoquer, en CSV ; sinon --produit.", metavar="FICHIER.csv")
    ] = None,
    produit: Annotated[int | None, typer.Option("--produit", help="Numéro de la demande du certificat.")] = None,
    autorite: Annotated[str | None, typer.Option("--autorite", help="Nom de l'AC, avec --serie.")] = None,
    serie: Annotated[str | None, typer.Option("--serie", help="Numéro de série, en hexadécimal.")] = None,
    certificate: Annotated[
        Path | None, typer.Option("--fichier", help="Le certificat lui-même, en PEM ou en DER ; sa chaîne peut suivre.")
    ] = None,
    motif: Annotated[str | None, typer.Option("--motif", help=", ".join(MOTIFS))] = None,
    autre_motif: Annotated[str | None, typer.Option("--autre-motif", help="Le texte du motif AUTRE.")] = None,
    jour: Annotated[
        str | None, typer.Option("--date", help="Jour d'effet, AAAA-MM-JJ ; immédiatement si absent.")
    ] = None,
    en_tant_que: Annotated[str | None, typer.Option("--en-tant-que", help=" ou ".join(ROLES))] = None,
    email: Annotated[str | None, typer.Option("--email", help="Adresse de confirmation.")] = None,
    abandon: Annotated[
        int | None, typer.Option("--abandonner", help="Numéro de la révocation différée à abandonner.")
    ] = None,
    reference: Reference = None,
    *,
    check: Annotated[
        bool, typer.Option("--verifier", help="Donner les verdicts du tableau, ne rien révoquer.")
    ] = False,
    yes: Annotated[bool, typer.Option("--oui", help="Ne pas demander confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Révoque un certificat, ou ceux d'un tableau ; ou abandonne une révocation différée. Peut être relancé."""
    display = Display(as_json=as_json)
    meant = (table, produit, serie, certificate, abandon)
    if sum(one is not None for one in meant) != 1:
        raise CommandLineError(
            "Indiquez ou bien un FICHIER.csv, ou bien --produit, --serie ou --fichier, ou bien --abandonner."
        )
    if certificate is not None:
        autorite, serie = issuer_and_serial(certificate)
    revocation = DemandeRevocation(
        numero_produit=produit,
        autorite=autorite,
        numero_serie=serie,
        motif=motif and motif.upper(),
        autre_motif=autre_motif,
        date_effet=jour,
        en_tant_que=en_tant_que and en_tant_que.upper(),
        email_acteur=email,
        confirmation=True,
    )
    if abandon is not None:
        with open_service(context, display) as service:
            bilan = service.abandonner_revocation(abandon)
        display.result(bilan, f"Révocation n° {abandon} {'abandonnée' if bilan.annulees else 'déjà abandonnée'}.")
    elif table is not None:
        _revoke_table(context, display, table, revocation, reference, check=check, yes=yes)
    else:
        _confirm(f"le certificat {serie or f'de la demande {produit}'}", yes=yes)
        with open_service(context, display) as service:
            accuse = service.revoquer_certificat(revocation)
        display.result(accuse, "")
        display.table(("champ", "valeur"), _facts(accuse))


def _revoke_table(
    context: typer.Context,
    display: Display,
    table: Path,
    defaults: DemandeRevocation,
    reference: str | None,
    *,
    check: bool,
    yes: bool,
) -> None:
    lot = read_revocations(table, reference=reference, defaults=defaults)
    if not check:
        _confirm(f"{len(lot.revocation)} certificat(s)", yes=yes)
    with open_service(context, display) as service:
        if check:
            bilan = service.verifier_lot_revocations(lot)
            display.result(bilan, f"{bilan.acceptables} acceptable(s) sur {bilan.nombre}, {bilan.refusees} refusée(s).")
            _show(display, [_of_verdict(verdict) for verdict in bilan.verdict])
            refused = bilan.refusees
        else:
            found = _done(service, display, service.deposer_lot_revocations(lot).index_lot)
            refused = sum(one.resultat == "REFUSEE" for one in found)
    if refused:
        raise typer.Exit(ExitCode.SOME_REFUSED)


def _done(service: ServiceLots, display: Display, index_lot: int) -> list[RevocationSuivie]:
    follow_to_end(service, index_lot, on_change=lambda _suivi: None)
    found = list(service.iter_revocations_lot(index_lot))
    display.result(found, f"Lot {index_lot} : {len(found)} demande(s) de révocation.")
    _show(display, [_of_revocation(one) for one in found])
    return found


def _show(display: Display, rows: Iterable[tuple[object, ...]]) -> None:
    display.table(_COLUMNS, list(rows), least_useful=("révocation", "prévue le"))


def _of_revocation(one: RevocationSuivie) -> tuple[object, ...]:
    error = None if one.erreur is None else f"{one.erreur.code} {one.erreur.texte}"
    return (
        one.position, one.reference, one.resultat, one.numero_produit, one.numero_revocation, one.effet_le,
        one.revoque_le, error,
    )  # fmt: skip


def _of_verdict(verdict: VerdictRevocation) -> tuple[object, ...]:
    known = verdict.accuse
    error = "; ".join(f"{erreur.code} {erreur.texte}" for erreur in verdict.erreur) or None
    if known is None:
        return (verdict.position, verdict.reference, "REFUSEE", None, None, None, None, error)
    return (
        verdict.position, verdict.reference, known.resultat, known.numero_produit, known.numero_revocation,
        known.effet_le, known.revoque_le, error,
    )  # fmt: skip


def _facts(accuse: AccuseRevocation) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("résultat", accuse.resultat),
        ("demande de révocation", accuse.numero_revocation),
        ("produit", accuse.numero_produit),
        ("autorité", accuse.autorite),
        ("numéro de série", accuse.numero_serie),
        ("motif", accuse.motif),
        ("prévue le", accuse.effet_le),
        ("révoqué le", accuse.revoque_le),
    ]
    return [fact for fact in facts if fact[1] is not None]


def _confirm(what: str, *, yes: bool) -> None:
    if yes:
        return
    answer = typer.prompt(
        f"Révoquer {what}, sans retour possible ? (oui/non)", default="non", err=True, prompt_suffix=" : "
    )
    if answer.strip().lower() not in ("o", "oui"):
        raise typer.Abort

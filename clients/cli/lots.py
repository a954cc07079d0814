"""The commands that carry a lot from a table to certificates, from cles to retirer, and tout, which is all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.display import Display, counters
from clients.cli.failures import CommandLineError, ExitCode
from clients.cli.options import AcceptCgu, AnyLot, AsJson, CodeFile, Folder, KeyFolder, LotFile, Reference
from clients.cli.secrets import ask_conditions, read_secret
from clients.cli.support import find_index, open_lot, open_service
from clients.contract.values import ConditionsRetrait, Lot, SuiviLot, Verdict
from clients.lots.file import write_lot
from clients.lots.manifest import CSV_NAME, find_keys, store_one
from clients.lots.preparation import prepare_lot
from clients.lots.workflow import WithdrawReport, deposit_file, follow_to_end, withdraw_lot
from clients.service.lots import ServiceLots
from clients.text import printable

_SHOWN_LINES = 20


def make_keys_command(
    table: Annotated[Path, typer.Argument(help="Demandes en CSV, sans colonne csr.", metavar="FICHIER.csv")],
    keys: Annotated[Path, typer.Option("--dossier", help="Où écrire les clés et les CSR.")] = Path("cles"),
    output: Annotated[Path | None, typer.Option("--sortie", help="Lot à écrire, en XML.")] = None,
    reference: Reference = None,
    passphrase_file: Annotated[
        Path | None, typer.Option("--mot-de-passe-fichier", help="Chiffrer les clés avec ce mot de passe.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--processus", min=1, help="Processus en parallèle.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Fabrique les clés RSA 2048 et les CSR d'un tableau de demandes, et écrit le lot prêt à déposer."""
    display = Display(as_json=as_json)
    passphrase = None if passphrase_file is None else read_secret(passphrase_file).encode()
    lot_path = output or table.with_suffix(".xml")
    if lot_path.suffix.lower() != ".xml":
        raise CommandLineError("Le lot à écrire (--sortie) est un fichier .xml.")
    with display.bar("Clés et CSR") as bar:
        lot = prepare_lot(table, keys, reference=reference, passphrase=passphrase, workers=workers, progress=bar.update)
    write_lot(lot, lot_path)
    outcome = {
        "lot": printable(str(lot_path)),
        "reference": lot.reference,
        "demandes": len(lot.demande),
        "cles": printable(str(keys)),
    }
    made = f"{len(lot.demande)} clé(s) et CSR dans {keys}"
    display.result(outcome, f"{made} ; lot de référence {lot.reference} dans {lot_path}")


def verify_command(
    context: typer.Context, lot_path: LotFile, reference: Reference = None, *, as_json: AsJson = False
) -> None:
    """Demande au service le verdict de chaque demande d'un lot, sans rien enregistrer."""
    display = Display(as_json=as_json)
    lot = open_lot(lot_path, reference)
    with open_service(context, display) as service:
        bilan = service.verifier_lot(lot)
    refusals = [
        (verdict.position, verdict.reference, error.code, error.champ, error.texte)
        for verdict in bilan.verdict
        for error in verdict.erreur
    ]
    display.result(
        bilan, f"{bilan.acceptables} demande(s) acceptable(s) sur {bilan.nombre}, {bilan.refusees} refusée(s)."
    )
    if refusals:
        display.table(("position", "référence", "code", "champ", "texte"), refusals)
    _show_acceptable(display, bilan.verdict)
    _end(refused=bilan.refusees > 0)


def _show_acceptable(display: Display, verdicts: Sequence[Verdict]) -> None:
    """What the certificates would say, and what to look at before the lot is deposited."""
    subjects = [
        (one.position, one.reference, one.sujet, tuple(name.valeur for name in one.nom_alternatif))
        for one in verdicts
        if one.acceptable
    ]
    if subjects:
        shown = subjects[:_SHOWN_LINES] if display.is_terminal else subjects
        display.table(("position", "référence", "sujet", "autres noms"), shown, least_useful=("référence",))
        if len(shown) < len(subjects):
            display.say(f"... et {len(subjects) - len(shown)} autre(s) sujet(s) ; --json les donne tous.")
    warnings = [
        (one.position, one.reference, warning.code, warning.champ, warning.texte)
        for one in verdicts
        for warning in one.avertissement
    ]
    if warnings:
        display.table(("position", "référence", "avertissement", "champ", "texte"), warnings)


def deposit_command(
    context: typer.Context, lot_path: LotFile, reference: Reference = None, *, as_json: AsJson = False
) -> None:
    """Dépose un lot et donne son index. Relancer la commande après une coupure donne le même index."""
    display = Display(as_json=as_json)
    lot = open_lot(lot_path, reference)
    with open_service(context, display) as service:
        _deposit(service, display, lot_path, lot)


def follow_command(context: typer.Context, lot: AnyLot, *, as_json: AsJson = False) -> None:
    """Suit un lot jusqu'à ce que toutes ses demandes soient traitées."""
    display = Display(as_json=as_json)
    with open_service(context, display) as service:
        suivi = _follow(service, display, find_index(service, lot))
    display.result(suivi, f"Lot {suivi.index_lot} traité : {counters(suivi)}.")
    _end(refused=suivi.refused > 0)


def withdraw_command(
    context: typer.Context,
    lot: AnyLot,
    folder: Folder,
    keys: KeyFolder = None,
    code_file: CodeFile = None,
    *,
    accept_cgu: AcceptCgu = False,
    as_json: AsJson = False,
) -> None:
    """Retire les certificats d'un lot dans un dossier, avec un manifeste. Peut être relancé à tout moment."""
    display = Display(as_json=as_json)
    _check_folder(keys)
    with open_service(context, display) as service:
        conditions = ask_conditions(code_file, cgu_accepted=accept_cgu, display=display)
        index_lot = find_index(service, lot)
        sent = open_lot(Path(lot)) if Path(lot).is_file() else None
        report = _withdraw(service, display, index_lot, folder, conditions, keys, sent)
    _show_report(display, index_lot, report)


def withdraw_one_command(
    context: typer.Context,
    numero: Annotated[int, typer.Argument(help="Numéro de demande, de tout canal.", metavar="NUMERO")],
    folder: Annotated[Path, typer.Argument(help="Dossier du certificat.", metavar="DOSSIER")],
    keys: KeyFolder = None,
    code_file: CodeFile = None,
    *,
    accept_cgu: AcceptCgu = False,
    as_json: AsJson = False,
) -> None:
    """Retire un seul certificat, d'un lot ou du portail, dans un dossier sans manifeste. Peut être relancé."""
    display = Display(as_json=as_json)
    _check_folder(keys)
    with open_service(context, display) as service:
        conditions = ask_conditions(code_file, cgu_accepted=accept_cgu, display=display)
        retrait = service.retirer_demande(numero, conditions)
    line = store_one(retrait, folder, find_keys(keys) if keys else {})
    key = f", clé {line.cle}" if line.cle else ""
    display.result(line, f"Certificat {line.numero_serie} dans {folder / (line.certificat or '')}{key}.")


def all_command(
    context: typer.Context,
    lot_path: LotFile,
    folder: Folder,
    reference: Reference = None,
    keys: KeyFolder = None,
    code_file: CodeFile = None,
    *,
    accept_cgu: AcceptCgu = False,
    as_json: AsJson = False,
) -> None:
    """Dépose, suit et retire un lot en une commande ; relancée après une coupure, elle reprend où elle en était."""
    display = Display(as_json=as_json)
    lot = open_lot(lot_path, reference)
    _check_folder(keys)
    with open_service(context, display) as service:
        conditions = ask_conditions(code_file, cgu_accepted=accept_cgu, display=display)
        index_lot = _deposit(service, display, lot_path, lot, last=False)
        _follow(service, display, index_lot)
        report = _withdraw(service, display, index_lot, folder, conditions, keys, lot)
    _show_report(display, index_lot, report)


def _check_folder(keys: Path | None) -> None:
    if keys is not None and not keys.is_dir():
        raise CommandLineError(f"Le dossier de clés {keys} n'existe pas (--cles).")


def _deposit(service: ServiceLots, display: Display, lot_path: Path, lot: Lot, *, last: bool = True) -> int:
    deposit = deposit_file(service, lot_path, lot)
    known = " (déjà déposé)" if deposit.already_known else ""
    text = f"Lot {deposit.index_lot} : {deposit.nombre} demande(s), référence {deposit.reference}{known}."
    if last:
        display.result(deposit, text)
    else:
        display.say(text)
    return deposit.index_lot


def _follow(service: ServiceLots, display: Display, index_lot: int) -> SuiviLot:
    with display.bar(f"Lot {index_lot}") as bar:

        def change(suivi: SuiviLot) -> None:
            bar.update(suivi.nombre * suivi.avancement // 100, suivi.nombre, counters(suivi))

        return follow_to_end(service, index_lot, on_change=change)


def _withdraw(
    service: ServiceLots,
    display: Display,
    index_lot: int,
    folder: Path,
    conditions: ConditionsRetrait,
    keys: Path | None,
    lot: Lot | None,
) -> WithdrawReport:
    found = find_keys(keys) if keys else None
    with display.bar("Retrait") as bar:
        return withdraw_lot(service, index_lot, folder, conditions, keys=found, lot=lot, progress=bar.update)


def _show_report(display: Display, index_lot: int, report: WithdrawReport) -> None:
    outcome = {
        "indexLot": index_lot,
        "dossier": printable(str(report.folder)),
        "demandes": len(report.lines),
        "retires": report.withdrawn,
        "refusees": report.refused,
        "enAttente": report.pending,
        "lignes": report.lines,
    }
    text = (
        f"{report.withdrawn} certificat(s) sur {len(report.lines)} demande(s), {report.refused} refusée(s) ou "
        f"annulée(s), {report.pending} en attente. Manifeste : {report.folder / CSV_NAME}"
    )
    display.result(outcome, text)
    refused = [
        (line.position, line.reference, line.etat, line.code_erreur, line.texte_erreur)
        for line in report.lines
        if line.etat in ("REJETEE", "NON_TRAITEE", "ANNULEE")
    ]
    if refused:
        display.table(("position", "référence", "état", "code", "texte"), refused[:_SHOWN_LINES])
    if len(refused) > _SHOWN_LINES:
        display.say(f"... et {len(refused) - _SHOWN_LINES} autre(s), dans le manifeste.")
    _end(refused=not report.complete)


def _end(*, refused: bool) -> None:
    if refused:
        raise typer.Exit(ExitCode.SOME_REFUSED)

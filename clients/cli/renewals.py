"""The commands that renew: a-renouveler says what, renouveler does it from the keys to the certificates."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.csv_file import write_csv
from clients.cli.display import Display, counters
from clients.cli.failures import ExitCode
from clients.cli.options import AcceptCgu, AsJson, CodeFile, CsvFile, Offre, Usage, check_offre, check_usage
from clients.cli.queries import DEMANDE_COLUMNS, show_demandes
from clients.cli.secrets import ask_conditions, read_secret
from clients.cli.support import open_lot, open_service
from clients.contract.values import ALL_OFFRES, ConditionsRetrait, DemandeSuivie, SuiviLot
from clients.errors import StateError
from clients.files import alone_in
from clients.lots.manifest import CSV_NAME, find_keys
from clients.lots.renewing import Run, finish, prepare, unfinished
from clients.lots.workflow import WithdrawReport, deposit_file, follow_to_end, withdraw_lot
from clients.service.lots import ServiceLots
from clients.text import printable

_MOST_DAYS = 365
Days = Annotated[
    int | None,
    typer.Option(
        "--jours",
        min=0,
        max=_MOST_DAYS,
        help="Ce qui finit dans tant de jours, ou vient de finir ; toute la fenêtre si absent.",
    ),
]
Structure = Annotated[str | None, typer.Option("--structure", help="Identifiant de structure.")]


def to_renew_command(
    context: typer.Context,
    days: Days = None,
    offre: Offre = None,
    usage: Usage = None,
    structure: Structure = None,
    csv_file: CsvFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Liste ce que vous pouvez renouveler maintenant et qui ne l'est pas encore, dans toutes vos structures."""
    display = Display(as_json=as_json)
    with open_service(context, display) as service:
        found = _to_renew(service, days, offre, usage, structure)
    if csv_file is not None:
        write_csv(csv_file, DEMANDE_COLUMNS, found)
    show_demandes(display, found)


def renew_command(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="Où garder clés et certificats, un dossier par lot.", metavar="DOSSIER")
    ],
    days: Days = None,
    offre: Offre = None,
    usage: Usage = None,
    structure: Structure = None,
    code_file: CodeFile = None,
    passphrase_file: Annotated[
        Path | None, typer.Option("--mot-de-passe-fichier", help="Chiffrer les clés avec ce mot de passe.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--processus", min=1, help="Processus en parallèle.")] = None,
    *,
    accept_cgu: AcceptCgu = False,
    as_json: AsJson = False,
) -> None:
    """Renouvelle ce qui finit bientôt : clés, lot, suivi, retrait. Relancée, elle reprend ce qui était en cours."""
    display = Display(as_json=as_json)
    passphrase = None if passphrase_file is None else read_secret(passphrase_file).encode()
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(open_service(context, display))
        conditions = ask_conditions(code_file, cgu_accepted=accept_cgu, display=display)
        if not stack.enter_context(alone_in(folder)):
            raise StateError(f"Une autre commande renouvelle déjà dans {folder} ; laissez-la finir.")
        reports = [_carry_out(service, display, run, conditions) for run in unfinished(folder)]
        products = _to_renew(service, days, offre, usage, structure)
        with display.bar("Clés et CSR") as bar:
            made = 0

            def count(number: int) -> None:
                nonlocal made
                made += number
                bar.update(made, len(products))

            runs = list(
                prepare(
                    folder,
                    products,
                    datetime.now().astimezone(),
                    passphrase=passphrase,
                    workers=workers,
                    progress=count,
                )
            )
        reports += [_carry_out(service, display, run, conditions) for run in runs]
    _show_reports(display, reports)


def _to_renew(
    service: ServiceLots, days: int | None, offre: str | None, usage: str | None, structure: str | None
) -> list[DemandeSuivie]:
    known = check_offre(offre)
    offre = None if known == ALL_OFFRES else known
    return list(service.iter_to_renew(jours=days, offre=offre, usage=check_usage(usage), structure=structure))


def _carry_out(service: ServiceLots, display: Display, run: Run, conditions: ConditionsRetrait) -> WithdrawReport:
    """Deposit the lot, follow and withdraw it; every step may have been done before."""
    lot = open_lot(run.lot_path)
    deposit = deposit_file(service, run.lot_path, lot)
    display.say(f"Lot {deposit.index_lot} : {deposit.nombre} renouvellement(s), référence {deposit.reference}.")
    with display.bar(f"Lot {deposit.index_lot}") as bar:

        def change(suivi: SuiviLot) -> None:
            bar.update(suivi.nombre * suivi.avancement // 100, suivi.nombre, counters(suivi))

        follow_to_end(service, deposit.index_lot, on_change=change)
    keys = find_keys(run.keys)
    with display.bar("Retrait") as bar:
        report = withdraw_lot(
            service, deposit.index_lot, run.certificates, conditions, keys=keys, lot=lot, progress=bar.update
        )
    finish(run, report)
    return report


def _show_reports(display: Display, reports: list[WithdrawReport]) -> None:
    withdrawn, asked = sum(each.withdrawn for each in reports), sum(len(each.lines) for each in reports)
    outcome = {
        "renouvellements": asked,
        "retires": withdrawn,
        "refusees": sum(each.refused for each in reports),
        "dossiers": [printable(str(each.folder)) for each in reports],
        "lignes": [line for each in reports for line in each.lines],
    }
    manifests = ", ".join(str(each.folder / CSV_NAME) for each in reports)
    text = f"{withdrawn} certificat(s) sur {asked} renouvellement(s). {manifests}" if asked else "Rien à renouveler."
    display.result(outcome, text)
    refused = [
        (line.reference, line.etat, line.code_erreur, line.texte_erreur)
        for each in reports
        for line in each.lines
        if line.code_erreur is not None
    ]
    if refused:
        display.table(("référence", "état", "code", "texte"), refused)
    if withdrawn != asked:
        raise typer.Exit(ExitCode.SOME_REFUSED)

"""The verb itself: start everything, play the hospital with the real client, say what happened."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from clients.contract.values import ConditionsRetrait, SuiviLot
from clients.errors import IgcClientError
from clients.lots.manifest import ManifestLine, find_keys
from clients.lots.workflow import WithdrawReport, deposit_file, follow_to_end, withdraw_lot
from clients.service.lots import ServiceLots
from commands.demo.checks import DemoVerdict, audit, judge, products_of, write_report
from commands.demo.items import PRODUCTS, DemoLot, build_lot, faults_in
from commands.demo.kit import make_code, short, write_kit
from commands.demo.plateforme import DemoError, alone_in, prepare, running
from commands.demo.portal import place_demande
from runtime.clock import system_clock
from runtime.logs import configure
from runtime.settings.model import Settings

SENDER = "dr-leroux"
_MAX_LOT = 10_000

console = Console(highlight=False)
console.soft_wrap = not console.is_terminal
"""On a terminal words are kept whole; elsewhere each line is one."""


def play(lot: int, folder: Path, *, ends_by_itself: bool) -> None:
    """The whole demo; ends in typer.Exit with 0 when everything was as expected, 130 when cut short, else 1.

    Once everything has been played and checked, Ctrl-C is how it is meant to end.
    """
    if not 1 <= lot <= _MAX_LOT:
        raise typer.BadParameter(f"de 1 à {_MAX_LOT}", param_hint="--lot")
    configure("WARNING", "console", process="demo")
    journal = folder / "journal.log"
    console.rule("[bold]Démonstration : plateforme de certificats logiciels (TEST, données fictives)")
    try:
        with alone_in(folder):
            outcome = _play_on_a_plateforme(lot, folder, journal, ends_by_itself=ends_by_itself)
    except KeyboardInterrupt:
        console.print("Interrompue avant la fin ; rien ne reste en marche.")
        raise typer.Exit(130) from None
    except (DemoError, IgcClientError) as error:
        console.print("[red]La démonstration s'arrête :[/]", Text(str(error)))
        if journal.exists():
            console.print(f"Journal : {short(journal)}", markup=False)
        raise typer.Exit(1) from None
    raise typer.Exit(1 if outcome.problems else 0)


def _play_on_a_plateforme(lot: int, folder: Path, journal: Path, *, ends_by_itself: bool) -> DemoVerdict:
    console.print(f"[bold]1. La plateforme[/] dans {short(folder)}")
    settings, config = prepare(folder, lambda text: console.print(f"   - {text}"))
    with running(settings, config, journal) as serving:
        try:
            outcome = _play(settings, config, folder, lot)
            if ends_by_itself:
                console.print(f"Rapport : {short(folder / 'report.json')}   Journal : {short(journal)}", markup=False)
            else:
                _say_where(settings, folder)
                _wait_for_ctrl_c(serving)
        except KeyboardInterrupt:
            console.print("\nArrêt de la plateforme, une demi-minute au plus...")
            raise
    if not ends_by_itself:
        console.print("Arrêtée ; rien ne reste en marche.")
    return outcome


def _play(settings: Settings, config: Path, folder: Path, size: int) -> DemoVerdict:
    clients = folder / "clients"
    root = clients / "ac-racine.pem"
    pair = (clients / f"{SENDER}.pem", clients / f"{SENDER}.key")
    reference = f"demo-{system_clock():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    work = folder / "hopital" / reference
    seconds: dict[str, float] = {}
    good = size - faults_in(size)
    console.print(
        f"[bold]2. L'hôpital prépare son lot[/] {reference} : {size} demande(s), "
        f"{min(good, len(PRODUCTS))} des {len(PRODUCTS)} produits, {size - good} fautive(s)"
    )
    with _bar("   clés et CSR", size) as progress:
        demo = build_lot(reference, size, work / "cles", lambda done: progress.advance(progress.task_ids[0], done))
    url = f"{settings.ws.public_url}/ws/lots/1.0"
    with ServiceLots(url, certificate=pair, ca=root) as service:
        etat = service.consulter_service()
        console.print(
            f"[bold]3. TLS mutuel avec le service web[/] : reconnu comme {etat.acteur}, plateforme {etat.plateforme}"
        )
        index = _deposit(service, work, demo, seconds)
        _follow(service, index, size, seconds)
        report = _withdraw(service, index, work, demo, seconds)
    outcome = judge(report.lines, demo.bad, report.folder, root)
    numero = place_demande(settings.portal.public_url, pair, root, work / "cles", "Demande du portail")
    console.print(f"[bold]7. Une demande par le portail[/], même historique : n° {numero}")
    verdict, problems = audit(config)
    console.print(f"[bold]8. L'auditeur relit tout[/] ({short(config)}, `igc audit`)\n   {verdict}")
    outcome.problems.extend(problems)
    write_report(folder / "report.json", index, outcome, seconds)
    _summary(index, outcome, demo, report.lines, seconds)
    return outcome


def _deposit(service: ServiceLots, work: Path, demo: DemoLot, seconds: dict[str, float]) -> int:
    bilan = service.verifier_lot(demo.lot)
    console.print(
        f"   vérification à blanc : {bilan.acceptables} demande(s) acceptable(s), "
        f"{bilan.refusees} à corriger, rien d'enregistré"
    )
    with _timed(seconds, "accept"):
        deposit = deposit_file(service, work / "lot.xml", demo.lot)
    console.print(
        f"[bold]4. Lot déposé[/] en {seconds['accept']:.2f} s : index de lot [bold]{deposit.index_lot}[/] "
        "(conservé durablement, dépôt répétable)"
    )
    return deposit.index_lot


def _follow(service: ServiceLots, index: int, size: int, seconds: dict[str, float]) -> None:
    console.print(f"[bold]5. Suivi du lot {index}[/] par son index")
    with _timed(seconds, "issue"), _bar("   signés ou refusés", size) as progress:

        def show(suivi: SuiviLot) -> None:
            done = suivi.a_retirer + suivi.closes + suivi.refused + suivi.annulees
            progress.update(progress.task_ids[0], completed=done)

        follow_to_end(service, index, on_change=show)


def _withdraw(service: ServiceLots, index: int, work: Path, demo: DemoLot, seconds: dict[str, float]) -> WithdrawReport:
    code = make_code()
    conditions = ConditionsRetrait(code_revocation=code, confirmation=code, acceptation_cgu=True)
    good = len(demo.lot.demande) - len(demo.bad)
    console.print(f"[bold]6. Retrait[/] dans {short(work / 'certificats')}")
    with _timed(seconds, "withdraw"), _bar("   certificats retirés", good) as progress:
        return withdraw_lot(
            service,
            index,
            work / "certificats",
            conditions,
            keys=find_keys(work / "cles"),
            lot=demo.lot,
            progress=lambda here, _all: progress.update(progress.task_ids[0], completed=here),
        )


def _summary(
    index: int, outcome: DemoVerdict, demo: DemoLot, lines: list[ManifestLine], seconds: dict[str, float]
) -> None:
    names = {item.reference or "": f"{item.offre} {item.usage}" for item in demo.lot.demande}
    console.print(f"\n[bold]Lot {index}[/] : chaque demande a son verdict")
    table = Table("Produit", Column("Retirés et vérifiés par openssl", justify="right"))
    for product, count in sorted(products_of(lines, names).items()):
        table.add_row(product, str(count))
    console.print(table)
    refused = Table("Faute volontaire", "Code attendu", "Réponse")
    found = {line.position: line for line in lines}
    for position, bad in demo.bad.items():
        line = found.get(position)
        refused.add_row(bad.title, bad.code, f"{line.etat} {line.code_erreur or ''}" if line else "absente")
    if demo.bad:
        console.print(refused)
    rate = outcome.issued / seconds["issue"] if seconds["issue"] else 0
    console.print(
        f"{outcome.submitted} demande(s) : {outcome.issued} certificat(s) signé(s) ({rate:.0f}/s), "
        f"{outcome.withdrawn} retiré(s), {outcome.rejected} refusée(s) comme prévu.\n"
        f"Dépôt {seconds['accept']:.2f} s, signature {seconds['issue']:.2f} s, retrait {seconds['withdraw']:.2f} s."
    )
    if outcome.problems:
        console.print(f"[red]{len(outcome.problems)} écarts :[/]")
        for problem in outcome.problems[:20]:
            console.print(f"  {problem}", markup=False)
    else:
        console.print("[green]Tout est comme attendu.[/]")


def _say_where(settings: Settings, folder: Path) -> None:
    clients = folder / "clients"
    password = (clients / f"{SENDER}.p12.password").read_text().strip()
    console.rule("Pour regarder vous-même")
    console.print(
        f"Portail : [bold]{settings.portal.public_url}[/] (les moyens d'y entrer :\n"
        f"  {settings.portal.connexion.public_url} ; la porte des cartes : {settings.portal.carte.public_url})\n"
        f"  Connexion par certificat (il tient lieu de carte CPx) : importez dans le navigateur\n"
        f"  {short(clients / (SENDER + '.p12'))}, mot de passe {password}\n"
        f"  et l'autorité {short(clients / 'ac-racine.pem')} ; puis « Suivre » et l'index du lot.\n"
        f"Révocation par code, sans authentification : [bold]{settings.sans_login.public_url}[/]\n"
        "  Pour les certificats que fait le dossier ci-dessous, avec le code de révocation qui s'y trouve.\n"
        f"Service web : {settings.ws.public_url}/ws/lots/1.0?wsdl\n"
        f"Avis par mail, un fichier .eml chacun : {short(settings.notices.folder)}\n"
        f"Rapport : {short(folder / 'report.json')}   Journal : {short(folder / 'journal.log')}"
    )
    kit, lines = write_kit(folder, settings)
    console.rule("Pour vos premiers certificats")
    console.print(
        f"{short(kit)} est le dossier d'un établissement : réglages, certificat client, AC,\n"
        "tableau de trois demandes, code de révocation. Depuis un autre terminal :"
    )
    for line in lines:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    console.print("Tous les exemples de docs/integrateurs.md marchent tels quels dans ce dossier.")


def _wait_for_ctrl_c(serving: subprocess.Popen[bytes]) -> None:
    console.print("La plateforme reste en marche. [bold]Ctrl-C[/] l'arrête.")
    with contextlib.suppress(KeyboardInterrupt):
        serving.wait()
        raise DemoError("la plateforme s'est arrêtée d'elle-même")
    console.print("\nArrêt de la plateforme, une demi-minute au plus...")


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[name] = time.monotonic() - start


@contextmanager
def _bar(title: str, total: int) -> Iterator[Progress]:
    """A progress bar; where the output is no terminal, rich prints its last state only."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=False) as progress:
        progress.add_task(title, total=total)
        yield progress

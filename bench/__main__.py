"""``python -m bench``: run every measure, write ``bench/results/latest.json`` and a table."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.corpus import load_csrs
from bench.keys import measure_keys
from bench.lots import measure_plateforme
from bench.raw import bare_parse_seconds, raw_signatures_per_second
from bench.revocations import measure_revocations
from bench.status import measure_status

RESULTS = Path(__file__).parent / "results"
WORK = Path("var/bench")
SINGLES = 300

_MEANINGS = {
    "lot_rsa4096_ratio": "certificats/s d'un lot sur signatures RSA-4096 nues/s des mêmes cœurs (but 0,70 puis 0,85)",
    "lot_rsa2048_ratio": "le même rapport avec une AC RSA-2048",
    "deposit_ratio": "dépôt d'un lot jusqu'à son index, sur une lecture lxml validée des mêmes octets (but 5)",
    "deposit_peak_mb": "mémoire de pointe du service web, en Mo (but 200)",
    "follow_up_per_s": "suivis de lot par seconde, TLS mutuel, connexions gardées",
    "lint_cost_ratio": "coût du contrôle avant signature sur une signature RSA-4096 (but 0,10 au plus)",
    "pkcs11_per_s": "signatures par seconde par un jeton SoftHSM2, RSA-4096",
    "crl_100k_ratio": "CRL de 100 000 entrées, de la base au fichier publié, sur openssl ca -gencrl (but 1,0)",
    "ocsp_cached_ratio": "réponses OCSP gardées/s, connexion gardée, sur le répondeur openssl ocsp (but 3)",
    "ocsp_signed_per_s": "réponses OCSP signées (avec nonce) par seconde, un processus",
    "ocsp_ready_share": "part des certificats émis depuis 5 s dont la première réponse OCSP n'attend pas de signature",
    "revocation_p95_ms": "d'une révocation à la réponse OCSP qui la dit, pendant une CRL de 100 000 entrées, en ms",
    "bulk_revocation_ratio": "révocation de 10 000 séries d'un fichier, sur les UPDATE nus d'autant de lignes",
    "single_item_per_s": "lots d'une demande par seconde, du dépôt à la signature",
}


def main(
    items: Annotated[int, typer.Option(help="Demandes du grand lot.")] = 10_000,
    results: Annotated[Path, typer.Option(help="Dossier des résultats.")] = RESULTS,
) -> None:
    """Mesure la plateforme sur cette machine ; les clés sont faites une fois et gardées dans var/bench."""
    console = Console()
    WORK.mkdir(parents=True, exist_ok=True)
    csrs = load_csrs(WORK / "csr.bin", items + SINGLES, console)
    values: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "items": items,
    }
    for bits in (4096, 2048):
        before = raw_signatures_per_second(bits)
        measured = measure_plateforme(WORK / str(bits), bits, csrs[:items], csrs[items:], console, full=bits == 4096)  # noqa: PLR2004 -- the size of the real authority
        # The same cores just before and just after: a neighbour's noise falls on both sides of the ratio.
        raw = (before + raw_signatures_per_second(bits)) / 2
        values[f"raw_rsa{bits}_per_s"] = round(raw, 1)
        values[f"lot_rsa{bits}_per_s"] = round(measured.lot_per_second, 1)
        values[f"lot_rsa{bits}_ratio"] = round(measured.lot_per_second / raw, 3)
        if measured.deposit is not None:
            parse = bare_parse_seconds(measured.deposit.body)
            values["deposit_bytes"] = len(measured.deposit.body)
            values["bare_parse_s"] = round(parse, 4)
            values["deposit_s"] = round(measured.deposit.seconds, 4)
            values["deposit_ratio"] = round(measured.deposit.seconds / parse, 2)
            values["deposit_peak_mb"] = round(measured.deposit.peak_mb, 1)
            values["follow_up_per_s"] = round(measured.follow_up_per_second or 0, 1)
            values["single_item_per_s"] = round(measured.singles_per_second or 0, 1)
    values |= measure_keys()
    values |= measure_status(WORK / "status", console)
    values |= measure_revocations(WORK / "revocations", console)
    _write(values, results, console)


def _write(values: dict[str, Any], results: Path, console: Console) -> None:
    results.mkdir(parents=True, exist_ok=True)
    (results / "latest.json").write_text(json.dumps(values, indent=2) + "\n")
    table = Table(title="Mesures", title_justify="left")
    lines = ["| mesure | valeur | sens |", "| --- | ---: | --- |"]
    for column in ("mesure", "valeur", "sens"):
        table.add_column(column)
    for name, meaning in _MEANINGS.items():
        value = values.get(name, "-")
        table.add_row(name, str(value), meaning)
        lines.append(f"| {name} | {value} | {meaning} |")
    lines.append("")
    lines += [f"- {name} : {value}" for name, value in values.items() if name not in _MEANINGS]
    (results / "latest.md").write_text("\n".join(lines) + "\n")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)

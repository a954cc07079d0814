"""What the demo checks at the end, with other programs than ours: every certificate, every refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from clients.lots.manifest import ManifestLine
from commands.demo.items import BadItem

_BATCH = 200


@dataclass(slots=True)
class DemoVerdict:
    """Counts of the run and everything that was not as expected, in French."""

    submitted: int
    issued: int = 0
    rejected: int = 0
    withdrawn: int = 0
    problems: list[str] = field(default_factory=list)


def judge(lines: list[ManifestLine], bad: dict[int, BadItem], folder: Path, root: Path) -> DemoVerdict:
    """Compare every item with what was expected of it, and let ``openssl verify`` judge every certificate."""
    outcome = DemoVerdict(submitted=len(lines))
    for line in lines:
        expected = bad.get(line.position or 0)
        if expected is None:
            outcome.issued += line.numero_serie is not None
            outcome.withdrawn += line.certificat is not None
            if line.certificat is None:
                outcome.problems.append(f"{line.reference} : pas de certificat ({line.etat} {line.code_erreur or ''})")
        elif line.code_erreur == expected.code and line.etat == "REJETEE":
            outcome.rejected += 1
        else:
            outcome.problems.append(f"{line.reference} : {expected.code} attendu, {line.code_erreur or line.etat} reçu")
    files = [folder / line.certificat for line in lines if line.certificat]
    outcome.problems.extend(openssl_refusals(files, root))
    return outcome


def openssl_refusals(files: list[Path], root: Path) -> list[str]:
    """The certificates (PEM with their chain) that ``openssl verify`` does not accept under ``root``."""
    refused: list[str] = []
    by_chain: dict[bytes, list[Path]] = {}
    for file in files:
        chain = file.read_bytes().split(b"-----END CERTIFICATE-----", 1)[1]
        by_chain.setdefault(chain, []).append(file)
    for chain, members in by_chain.items():
        untrusted = root.parent / "chaine-intermediaire.pem"
        untrusted.write_bytes(chain.lstrip())
        for start in range(0, len(members), _BATCH):
            part = members[start : start + _BATCH]
            command = ["openssl", "verify", "-CAfile", str(root), "-untrusted", str(untrusted), *map(str, part)]
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            accepted = set(answer.stdout.splitlines())
            refused.extend(f"{file.name} : refusé par openssl" for file in part if f"{file}: OK" not in accepted)
    return refused


def audit(config: Path) -> tuple[str, list[str]]:
    """What the auditor says of the whole plateforme: its summary, and a problem for each line when it found any."""
    command = [sys.executable, "-m", "commands", "audit", "--config", str(config)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = answer.stdout.splitlines()
    summary = next((line for line in lines if line.startswith("Contrôlé")), "contrôle impossible")
    return summary, [] if answer.returncode == 0 else [f"audit : {line}" for line in lines or [summary]]


def write_report(path: Path, index: int, outcome: DemoVerdict, seconds: dict[str, float]) -> None:
    """``report.json``: counts, seconds of each step, rate of issuance."""
    issue = seconds["issue"]
    report = {
        "lot_index": index,
        "submitted": outcome.submitted,
        "issued": outcome.issued,
        "rejected": outcome.rejected,
        "withdrawn": outcome.withdrawn,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "certificates_per_second": round(outcome.issued / issue, 1) if issue else None,
        "problems": outcome.problems,
    }
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def products_of(lines: list[ManifestLine], names: dict[str, str]) -> Counter[str]:
    """Withdrawn certificates by product."""
    return Counter(names[line.reference or ""] for line in lines if line.certificat)

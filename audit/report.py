"""What an audit says in the end, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from audit.context import Report
from audit.findings import Finding, Topic

# What a person reads on a screen; the report in JSON has more.
_SHOWN_PER_TOPIC = 50


def lines(report: Report) -> Iterator[str]:
    """The findings by topic, then one line that sums up."""
    for topic in Topic:
        found = [finding for finding in report.findings if finding.topic is topic]
        if not found:
            continue
        yield f"{topic.value} : {report.found[topic]}"
        yield from (f"  {finding.subject} : {finding.text}" for finding in found[:_SHOWN_PER_TOPIC])
        if report.found[topic] > _SHOWN_PER_TOPIC:
            yield f"  ... et {report.found[topic] - _SHOWN_PER_TOPIC} de plus"
    yield summary(report)


def summary(report: Report) -> str:
    """How much was looked at, and how many faults there are."""
    looked_at = ", ".join(f"{number} {label}" for label, number in report.checked.items()) or "rien"
    total = report.found.total()
    verdict = "aucune anomalie" if not total else f"{total} anomalie{'s' if total > 1 else ''}"
    return f"Contrôlé : {looked_at}. Résultat : {verdict}."


class _Json(msgspec.Struct, kw_only=True):
    debut: datetime
    fin: datetime
    controles: dict[str, int]
    anomalies: dict[str, int]
    constats: list[Finding]


def as_json(report: Report, began: datetime, ended: datetime) -> bytes:
    """The report as JSON: counts by kind of object, counts and findings by topic; very many findings are cut short."""
    found = {topic.value: report.found[topic] for topic in Topic if report.found[topic]}
    content = _Json(debut=began, fin=ended, controles=dict(report.checked), anomalies=found, constats=report.findings)
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"

"""What an audit says in the end, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from audit.context import Report
from audit.findings import Topic

# What a person reads on a screen; the report in JSON has more.
_SHOWN_PER_TOPIC = 50


def lines(report: Report) -> Iterator[str]:
    """The findings by topic, one line that sums up, and where the audit trail ends."""
    for topic in Topic:
        found = [finding for finding in report.findings if finding.topic is topic]
        if not found:
            continue
        yield f"{topic.value} : {report.found[topic]}"
        yield from (f"  {finding.subject} : {finding.text}" for finding in found[:_SHOWN_PER_TOPIC])
        if report.found[topic] > _SHOWN_PER_TOPIC:
            yield f"  ... et {report.found[topic] - _SHOWN_PER_TOPIC} de plus"
    yield summary(report)
    if report.anchor is not None:
        yield f"Ancre de la piste d'audit, à garder ailleurs : {report.anchor}"


def summary(report: Report) -> str:
    """How much was looked at, and how many faults there are."""
    looked_at = ", ".join(f"{number} {label}" for label, number in report.checked.items()) or "rien"
    total = report.found.total()
    verdict = "aucune anomalie" if not total else f"{total} anomalie{'s' if total > 1 else ''}"
    return f"Contrôlé : {looked_at}. Résultat : {verdict}."


class _Constat(msgspec.Struct, kw_only=True):
    rubrique: Topic
    objet: str
    texte: str


class _Json(msgspec.Struct, kw_only=True):
    debut: datetime
    fin: datetime
    controles: dict[str, int]
    anomalies: dict[str, int]
    ancre: str | None
    constats: list[_Constat]


def as_json(report: Report, began: datetime, ended: datetime) -> bytes:
    """The report as JSON: counts by kind of object, counts and findings by topic; very many findings are cut short."""
    found = {topic.value: report.found[topic] for topic in Topic if report.found[topic]}
    content = _Json(
        debut=began,
        fin=ended,
        controles=dict(report.checked),
        anomalies=found,
        ancre=None if report.anchor is None else str(report.anchor),
        constats=[_Constat(rubrique=one.topic, objet=one.subject, texte=one.text) for one in report.findings],
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"

"""The catalogue of metrics: its page, the dashboard, the alert rules, and how processes count."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Mount, Route

from registration.errors import Code
from runtime.metrics.asgi import OTHER, by_route
from runtime.metrics.catalogue import CATALOGUE, Kind, Metric
from runtime.metrics.recording import forget_dead
from runtime.metrics.reference import render

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "docs" / "supervision" / "tableau-grafana.json"
RULES = ROOT / "docs" / "supervision" / "alertes.yml"
BY_NAME: dict[str, Metric] = {metric.name: metric for metric in CATALOGUE}
# What Prometheus itself adds.
OWN_LABELS = {"le", "job", "instance"}


def expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of the dashboard and of the rules."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for rule in rules():
        yield rule["alert"], rule["expr"]


def rules() -> list[dict[str, str]]:
    """The rules, by a part of YAML that is strict enough for every reader to read the same."""
    lines = [line for line in RULES.read_text().splitlines() if not line.startswith("#")]
    assert lines[:3] == ["groups:", "  - name: igc", "    rules:"]
    found: list[dict[str, str]] = []
    for line in lines[3:]:
        match = re.fullmatch(
            r"      - (alert): (\w+)|        (expr|for): (\S.*)|        (labels|annotations):|"
            r"          (gravite|summary): (\S.*)",
            line,
        )
        assert match, line
        key, value = next(
            ((a, b) for a, b in zip(*[iter(match.groups()[i] for i in (0, 1, 2, 3, 5, 6))] * 2, strict=True) if a),
            ("", ""),
        )
        if not key:
            continue
        # A plain scalar: nothing in it may mean something to a reader of YAML.
        assert ": " not in value, line
        assert " #" not in value, line
        assert value[0] not in "&*!|>%@`\"'{}[],#?-", line
        if key == "alert":
            found.append({})
        assert key not in found[-1], line
        found[-1][key] = value
    return found


def test_every_rule_is_whole() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules()) > 10
    for rule in rules():
        assert {"alert", "expr", "gravite", "summary"} <= rule.keys(), rule
        assert rule["gravite"] in {"urgente", "normale"}
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))


@pytest.mark.parametrize(("where", "expr"), list(expressions()))
def test_what_is_asked_for_exists(where: str, expr: str) -> None:
    used = re.findall(r"\b(igc_\w+)(?:\{([^}]*)\})?", expr)
    assert used or "up{" in expr, where
    for name, selector in used:
        metric = BY_NAME.get(name) or BY_NAME.get(re.sub(r"_(bucket|sum|count)$", "", name))
        assert metric is not None, (where, name)
        if metric.name != name:
            assert metric.kind is Kind.HISTOGRAM, (where, name)
        if metric.kind is Kind.COUNTER or metric.name != name:
            assert re.search(rf"(rate|increase)\({name}", expr), f"{where}: a counter is read by its rate"
        for label in re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selector):
            assert label in {*metric.labels, *OWN_LABELS}, (where, name, label)
    labels = {
        label
        for _, named in [(n, BY_NAME.get(n) or BY_NAME[re.sub(r"_(bucket|sum|count)$", "", n)]) for n, _ in used]
        for label in named.labels
    }
    for group in re.findall(r"by \(([^)]*)\)", expr):
        assert {one.strip() for one in group.split(",")} <= labels | OWN_LABELS, where
    assert expr.count("(") == expr.count(")"), where
    for code in re.findall(r"ERR_\w+", expr):
        assert code in {one.value for one in Code}, code


def test_every_metric_is_on_the_dashboard_or_in_a_rule() -> None:
    all_of_them = " ".join(expr for _, expr in expressions())
    unseen = {name for name in BY_NAME if name not in all_of_them}
    assert unseen <= {"igc_jobs_total", "igc_crls_signed_total", "igc_outbox_held", "igc_trail_lines"}


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["title"]
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${source}"
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= {
                label for metric in CATALOGUE for label in metric.labels
            }


def test_the_page_of_the_metrics_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "metriques.md").read_text() == render()


def test_names_are_those_of_prometheus_conventions() -> None:
    for metric in CATALOGUE:
        assert re.fullmatch(r"igc_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
        assert not {"le", "instance", "quantile"} & set(metric.labels)


def test_a_path_is_named_by_its_route_and_never_by_its_values() -> None:
    def view(_request: Any) -> None: ...

    name = by_route(
        [Route("/", view), Route("/a/{numero}", view), Route("/a/{x}/b", view), Mount("/static", routes=[])]
    )
    assert [name("GET", path) for path in ("/", "/a/12", "/a/12/b", "/static/x/y.css", "/c", "/a/12/b/c")] == [
        "/", "/a/{numero}", "/a/{x}/b", "/static", OTHER, OTHER,
    ]  # fmt: skip


_COUNTS = """
import sys
from pathlib import Path
from runtime.metrics import catalogue, recording
recording.called("ws", "never", "ok", 1.0)  # nothing is counted before it begins
recording.begin(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    recording.called("ws", "deposerLot", "ok", 0.02)
recording.count(catalogue.CERTIFICATES, "ACI", number=250)
recording.count(catalogue.REFUSED, number=0)
for number in range(6000):
    recording.called("x", str(number), "ok", 0.0)
"""


def counted(folder: Path) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]  # it does not annotate
    text = generate_latest(registry).decode()
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_processes_are_added_up_and_the_dead_forgotten_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "metriques"
    for times in (3, 4):
        argv = [sys.executable, "-c", _COUNTS, str(folder), str(times)]
        subprocess.run(argv, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    found = counted(folder)
    assert found["igc_requests_total", "canal=ws", "operation=deposerLot", "outcome=ok"] == 7
    assert found["igc_request_seconds_bucket", "canal=ws", "le=0.025", "operation=deposerLot"] == 7
    assert found["igc_certificats_signed_total", "autorite=ACI"] == 500
    assert not any("operation=never" in key for key in found)
    assert sum(key[0] == "igc_requests_total" for key in found) <= 5_000, (
        "a label without bounds is bounded all the same"
    )
    alive = folder / f"counter_{os.getpid()}.db"
    alive.write_bytes(b"")
    assert forget_dead(folder) == 4
    assert [file.name for file in folder.glob("*.db")] == [alive.name]


def test_where_nothing_can_be_written_nothing_is_counted_and_nothing_stops(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    argv = [sys.executable, "-c", _COUNTS, str(tmp_path / "file" / "metriques"), "1"]
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert "nothing is counted" in done.stdout + done.stderr

"""``python -m bench.search_plans > docs/recherches.md``: how each search is found among a million demandes.

Makes the rows anew in a PostgreSQL of its own: some minutes. The text of the page stands in ``search_plans.md``.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import text

from bench.measures.search_rows import fill
from bench.measures.searches import WHO, Cost, Pages, Search, far_name, percentile
from storage.database import Database
from storage.migrate import upgrade
from tests.support.plans import Plan, plans_of
from tests.support.postgres import PostgresServer

_TEXT = Path(__file__).with_suffix(".md")
_TIMES = 3
_OF_NUMERO = 3  # steps of the plan that finds the newest numero
_SHOWN = (
    ("Un périmètre où presque tout convient : le parcours suffit", "demandes, application 300, TOUTES"),
    ("Ce qui est rare ou ancien : l'index du périmètre", "produits, application 300, EXPIRE"),
    ("Un porteur", "produits, porteur, TOUTES"),
    ("Ce qui est à renouveler", "à renouveler, application 300, TOUTES"),
)
# What every row that is shown is completed by, and the walk itself.
_AROUND = {
    "pk_acteur", "pk_structure", "pk_personne", "pk_demande", "pk_demande_revocation", "uq_certificat__id_demande",
    "pk_certificat", "ix_demande__renouvelle", "demande",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of one search of somebody: the costs of both pages, the plans of the first."""

    search: Search
    costs: Sequence[Sequence[Cost]]
    plans: Sequence[Plan]

    @property
    def cell(self) -> str:
        return " / ".join(_number(statistics.median(cost.cpu for cost in each)) for each in self.costs)

    @property
    def way(self) -> str:
        """The indexes that find the page, after a walk or without one."""
        names = (name for plan in self.plans for _, name in plan.ways)
        found = [f"`{name}`" for name in dict.fromkeys(names) if name not in _AROUND]
        walk = ["parcours"] if len(self.plans) > 1 or not found else []
        return ", puis ".join([*walk, *([", ".join(found)] if found else [])])

    @property
    def read(self) -> int:
        return sum(plan.buffers for plan in self.plans)


def told(db: Database) -> dict[str, _Told]:
    """Every search by its name, measured and explained."""
    pages = Pages(db)
    costs, _ = pages.measure(_TIMES)
    return {
        search.name: _Told(search, (costs[name], costs[far_name(search)]), _plans(db, search))
        for name, (search, after) in pages.asked.items()
        if after is None and name.endswith("page 1")
    }


def _plans(db: Database, search: Search) -> list[Plan]:
    """Without those of the rights and of the newest numero."""
    plans = plans_of(db, lambda: search.find(after=None))
    return [plan for plan in plans if len(list(plan.nodes)) > _OF_NUMERO and not _is_of_rights(plan)]


def _is_of_rights(plan: Plan) -> bool:
    return any("habilitation" in name for _, name in plan.ways)


def page(db: Database, rows: int) -> Iterator[str]:
    """The lines of the page."""
    found = told(db)
    with db.read() as session:
        version = session.scalar(text("SHOW server_version"))
    intro, outro = _TEXT.read_text(encoding="utf-8").split("<!-- mesures -->\n")
    yield intro.rstrip()
    yield ""
    made = f"{rows:,}".replace(",", " ")
    yield f"Mesuré le {datetime.now(UTC):%d/%m/%Y} : PostgreSQL {version}, {made} demandes, `shared_buffers` de 128 Mo."
    yield ""
    yield from _summary(found)
    for kind in dict.fromkeys(one.search.kind for one in found.values()):
        yield from _table(kind, [one for one in found.values() if one.search.kind == kind])
    yield from ("", "## Plans entiers", "")
    for title, name in _SHOWN:
        yield from (f"### {title}", "", f"`{name}`, page 1 :", "", "```text")
        for plan in found[name].plans:
            yield from _tree(plan.root)
        yield from ("```", "")
    yield outro.rstrip()


def _summary(found: dict[str, _Told]) -> Iterator[str]:
    yield "| qui | 95e centile, processeur (ms) | médiane (ms) |"
    yield "| --- | ---: | ---: |"
    for who in WHO:
        medians = [
            statistics.median(cost.cpu for cost in each)
            for one in found.values()
            if one.search.who == who
            for each in one.costs
        ]
        yield f"| {who} | {_number(percentile(medians))} | {_number(statistics.median(medians))} |"


def _table(kind: str, found: Sequence[_Told]) -> Iterator[str]:
    yield from ("", f"## {kind[0].upper()}{kind[1:]}", "")
    yield f"| critère | {' | '.join(WHO)} | pages lues | chemin (application 300) |"
    yield f"| --- |{' ---: |' * len(WHO)} ---: | --- |"
    for what in dict.fromkeys(one.search.what for one in found):
        line = {one.search.who: one for one in found if one.search.what == what}
        first = line["application 300"]
        yield f"| {what} | {' | '.join(line[who].cell for who in WHO)} | {first.read} | {first.way} |"


def _tree(node: dict[str, Any], depth: int = 0) -> Iterator[str]:
    name = node.get("Index Name") or node.get("Relation Name") or ""
    parts = [f"{node['Actual Rows'] * node['Actual Loops']:.0f} lignes"]
    if removed := node.get("Rows Removed by Filter", 0) * node["Actual Loops"]:
        parts.append(f"{removed:.0f} écartées")
    parts.append(f"{node['Shared Hit Blocks'] + node['Shared Read Blocks']} pages")
    yield f"{'  ' * depth}{node['Node Type']} {name}".rstrip() + f" ({', '.join(parts)})"
    for below in node.get("Plans", []):
        if below["Actual Loops"]:
            yield from _tree(below, depth + 1)


def _number(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")


def main(rows: Annotated[int, typer.Option(help="Demandes.", min=1000)] = 1_000_000) -> None:
    """Écrit la page sur la sortie standard."""
    server = PostgresServer()
    server.start()
    try:
        url = server.create("recherches")
        upgrade(url)
        db = Database(url, pool_size=1)
        fill(db, rows)
        sys.stdout.write("\n".join(page(db, rows)) + "\n")
        db.dispose()
    finally:
        server.stop()


if __name__ == "__main__":
    typer.run(main)

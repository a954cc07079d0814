"""The plans that PostgreSQL makes for the statements of an act: which indexes they walk, what they read, what they sort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection

from storage.database import Database


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement as it was carried out; ``root`` is the JSON of EXPLAIN (ANALYZE, BUFFERS)."""

    root: dict[str, Any]
    milliseconds: float
    planning: float

    @property
    def nodes(self) -> Iterator[dict[str, Any]]:
        """Every node, from the top down, those that never ran left out."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop(0)
            if node["Actual Loops"]:
                yield node
                waiting += node.get("Plans", [])

    @property
    def buffers(self) -> int:
        """Pages of 8 KiB that were looked at, from memory or disk."""
        return int(self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"])

    @property
    def ways(self) -> list[tuple[str, str]]:
        """How each table was read: (kind of scan, name of the index or table), each once, in order."""
        scans = (
            (node["Node Type"], node.get("Index Name") or node.get("Relation Name") or "")
            for node in self.nodes
            if node["Node Type"].endswith("Scan")
        )
        return list(dict.fromkeys(scan for scan in scans if scan[1]))

    @property
    def rows_read(self) -> int:
        """The most rows, or entries of an index, that one scan went through, those it threw away included."""
        return max(
            (
                int(
                    node["Actual Loops"]
                    * (
                        node["Actual Rows"]
                        + node.get("Rows Removed by Filter", 0)
                        + node.get("Rows Removed by Index Recheck", 0)
                    )
                )
                for node in self.nodes
                if node["Node Type"].endswith("Scan")
            ),
            default=0,
        )


def plans_of(db: Database, act: Callable[[], object]) -> list[Plan]:
    """The plans of every SELECT that the act sends, each carried out once more right before it is."""
    found: list[Plan] = []
    inside = False

    def explain(
        connection: Connection,
        _cursor: object,
        statement: str,
        parameters: Any,
        *_others: object,
    ) -> None:
        nonlocal inside
        if inside or not statement.lstrip().startswith(("SELECT", "WITH")):
            return
        inside = True
        try:
            text = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}"
            (told,) = connection.exec_driver_sql(text, parameters).scalar_one()
        finally:
            inside = False
        found.append(Plan(told["Plan"], told["Execution Time"], told["Planning Time"]))

    event.listen(db.engine, "before_cursor_execute", explain)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", explain)
    return found

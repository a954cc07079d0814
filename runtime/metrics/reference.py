"""docs/metriques.md, written from the catalogue: ``python -m runtime.metrics.reference > docs/metriques.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from runtime.metrics.catalogue import BY_COLLECTOR, BY_PROCESSES, Metric

_HEAD = """\
# Métriques

Cette page est écrite à partir du code (`python -m runtime.metrics.reference`) ; un test la compare à celui-ci.
Comment les lire : [exploitation.md](exploitation.md#superviser).
"""
_PROCESSES = """
## Comptées par les processus

Additionnées sur tous les processus de la machine ; elles repartent de zéro quand la plateforme redémarre, ce que
`rate()` sait lire. D'un histogramme `x` paraissent `x_bucket`, `x_sum` et `x_count`.
"""
_STATE = """
## Relevées dans la base et les fichiers

À chaque lecture, et au plus toutes les cinq secondes.
"""


def render() -> str:
    """The whole page, Markdown."""
    return "\n".join([_HEAD + _PROCESSES, *_table(BY_PROCESSES), _STATE, *_table(BY_COLLECTOR), ""])


def _table(metrics: Iterable[Metric]) -> Iterator[str]:
    yield "| métrique | sorte | étiquettes | ce qu'elle dit |"
    yield "| --- | --- | --- | --- |"
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        yield f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.text} |"


if __name__ == "__main__":
    sys.stdout.write(render())

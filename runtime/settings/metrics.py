"""The section of the settings about metrics. As ``sections``: French."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from runtime.settings.sections import HttpLimits, LocalPath, Section


class MetricsSettings(Section):
    """Where Prometheus reads what the plateforme does."""

    host: Literal["127.0.0.1", "::1", "localhost"] = Field(
        default="127.0.0.1", description="Adresse d'écoute des métriques : toujours locale, en HTTP sans TLS."
    )
    port: int = Field(
        default=0,
        ge=0,
        le=65_535,
        description="Port où Prometheus lit les métriques (`/metrics`) ; 0 : rien n'est compté ni servi.",
    )
    folder: LocalPath = Field(
        default=Path("metriques"),
        description="Dossier où chaque processus compte, dans des fichiers à lui. Avec des comptes séparés, tous "
        "doivent pouvoir y écrire.",
    )
    limits: HttpLimits = Field(
        default=HttpLimits(max_connections=50), description="Limites de la couche HTTP des métriques."
    )

"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Fichier de réglages TOML ; par défaut la variable IGC_CONFIG.", exists=True),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Dire ce qui serait fait, sans rien faire.")]

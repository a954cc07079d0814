"""The section of the settings about the texts that a withdrawal accepts. As ``sections``: French."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runtime.settings.sections import LocalPath, Section

TEST_VERSION = "TEST-1"
_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]


class TextesSettings(Section):
    """Files and versions of the texts in force."""

    cgu_file: LocalPath | None = Field(
        default=None,
        description="Conditions générales d'utilisation en vigueur (`.txt` en UTF-8, `.html`, `.pdf`). Par défaut, sur "
        "TEST seulement : un texte livré avec le logiciel.",
    )
    cgu_version: _Version = Field(
        default=TEST_VERSION,
        description="Version des CGU en vigueur. Un fichier qui change change de version : ce qui a paru sous une "
        "version reste tel quel, et lisible.",
    )
    pc_file: LocalPath | None = Field(
        default=None, description="Politique de certification en vigueur ; comme `cgu_file`."
    )
    pc_version: _Version = Field(default=TEST_VERSION, description="Version de la PC en vigueur.")
    public_url: str = Field(
        default="http://localhost:8480",
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,253}$",
        description="Adresse de la publication vue de tous, d'où se lisent les textes : `/textes/cgu/VERSION`, "
        "`/textes/pc/VERSION`, ou `/textes/` et leur SHA-256.",
    )

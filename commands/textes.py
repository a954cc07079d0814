"""The texts in force as the files of the instance: read, and named."""

from __future__ import annotations

import hashlib
from pathlib import Path

from registration.retraits.textes import FichierTexte
from registration.values import Texte
from registration.vocabulary import NatureTexte
from runtime.settings.errors import SettingsError, SettingsProblem
from runtime.settings.model import Settings

_SHIPPED = Path(__file__).parent / "trial" / "textes"
_TYPES = {".txt": "text/plain; charset=utf-8", ".html": "text/html; charset=utf-8", ".pdf": "application/pdf"}
_MOST_BYTES = 8 * 1024 * 1024


def read_textes(settings: Settings) -> tuple[FichierTexte, FichierTexte]:
    """CGU and PC in force; SettingsError when one is missing, of another form, or not given on PRODUCTION."""
    section = settings.textes
    return (
        _read(settings, NatureTexte.CGU, section.cgu_file, section.cgu_version),
        _read(settings, NatureTexte.PC, section.pc_file, section.pc_version),
    )


def _read(settings: Settings, nature: NatureTexte, path: Path | None, version: str) -> FichierTexte:
    cle = f"textes.{nature.value.lower()}_file"
    if path is None and settings.plateforme == "PRODUCTION":
        raise SettingsError([SettingsProblem(cle, "obligatoire sur une plateforme de PRODUCTION")])
    path = path or _SHIPPED / f"{nature.value.lower()}.txt"
    type_media = _TYPES.get(path.suffix.lower())
    if type_media is None:
        raise SettingsError([SettingsProblem(cle, "fichier .txt, .html ou .pdf attendu")])
    try:
        contenu = path.read_bytes()
    except OSError:
        raise SettingsError([SettingsProblem(cle, f"fichier absent ou illisible : {path}")]) from None
    if not 0 < len(contenu) <= _MOST_BYTES:
        raise SettingsError([SettingsProblem(cle, f"vide, ou plus de {_MOST_BYTES} octets : {path}")])
    texte = Texte(
        nature=nature,
        version=version,
        empreinte=hashlib.sha256(contenu).hexdigest(),
        adresse=f"{settings.textes.public_url}/textes/{nature.value.lower()}/{version}",
    )
    return FichierTexte(texte, contenu, type_media)

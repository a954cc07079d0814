"""The texts in force in the worlds of the tests, and other versions of them."""

from __future__ import annotations

import hashlib

from registration.retraits.textes import FichierTexte
from registration.values import Texte, Textes
from registration.vocabulary import NatureTexte


def texte(nature: NatureTexte, version: str = "1.0", contenu: bytes = b"texte d'essai") -> Texte:
    return Texte(
        nature=nature,
        version=version,
        empreinte=hashlib.sha256(contenu).hexdigest(),
        adresse=f"http://publication.example/textes/{nature.value.lower()}/{version}",
    )


def fichier(nature: NatureTexte, version: str = "1.0", contenu: bytes = b"texte d'essai") -> FichierTexte:
    return FichierTexte(texte(nature, version, contenu), contenu, "text/plain; charset=utf-8")


TEXTES = Textes(cgu=texte(NatureTexte.CGU), pc=texte(NatureTexte.PC))

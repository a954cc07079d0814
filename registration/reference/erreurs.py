"""docs/erreurs.md, written from the catalogue: ``python -m registration.reference.erreurs > docs/erreurs.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from registration.errors import CAUTIONS, TEXTS, Caution, Code
from registration.reference.entry import WHERE, Entry
from registration.reference.guide_codes import GUIDE
from registration.reference.own_codes import OWN
from registration.vocabulary import Canal

ENTRIES: Mapping[Code, Entry] = {**GUIDE, **OWN}
"""Of every code, what the page says beside its text."""

_NO_APPLICATION = "sans objet : aucune application séparée ne fait la clé, donc rien à fermer ni à lancer deux fois"

NOT_GIVEN: Mapping[str, tuple[str, str]] = {
    "ERR_IHM_008": ("aucun produit choisi dans une liste", "à venir avec les écrans qui en font choisir un"),
    "ERR_IHM_030": ("déjà en cours, à la demande", _NO_APPLICATION),
    "ERR_IHM_032": ("fermée, à la demande", _NO_APPLICATION),
    "ERR_IHM_034": ("déjà en cours, au retrait", _NO_APPLICATION),
    "ERR_IHM_047": ("fermée, au retrait", _NO_APPLICATION),
    "ERR_IHM_049": ("délai dépassé, au retrait", _NO_APPLICATION),
    "ERR_IHM_080": ("l'annulation échoue", "sans objet : chaque cause a son code, ERR_IHM_026 ou ERR_WS_035"),
}
"""The codes of the guide (§13) that nothing gives: its condition, and why not."""

WARNINGS: Mapping[Caution, str] = {
    Caution.INSI_NAME: (
        "ORG AUTH_CLI dont le nom de service est presque celui du téléservice INSi (casse, tiret, accent, une "
        "lettre) : corriger le nom, ou passer outre s'il ne s'agit pas d'INSi"
    ),
    Caution.SUBJECT_CHANGES: (
        "l'annuaire a changé depuis l'émission du certificat renouvelé : mettre à jour les listes de "
        "partenaires qui le nomment"
    ),
}
"""What refuses nothing: when it is told, and what to do."""

_HEAD = """\
# Catalogue des erreurs

Cette page est écrite à partir du code (`python -m registration.reference.erreurs`) ; un test la compare à celui-ci, un
autre provoque chaque code sur chaque canal où il est dit possible, par de vrais messages et de vraies pages.

Un code ne change jamais de sens ; son texte peut être mieux dit. Par le service web, une erreur qui touche tout le
message est une faute SOAP avec code, texte, position (la demande dans le lot, à partir de 1) et champ ; une erreur
d'une seule demande est son verdict et n'arrête pas les autres. Le portail montre le texte et le code. Ce qui est entre
accolades est rempli au moment de l'erreur.
"""
_CANAUX = """
« Canaux » dit où on peut le rencontrer : en réponse à un acte, ou comme verdict d'une demande faite par ce canal. Le
suivi de l'un montre aussi les verdicts des demandes de l'autre, avec leur code.
"""
_HEADER = "| code | nom dans le code | texte | où | canaux | quand, et que faire |\n|---|---|---|---|---|---|"

_WARNED = """\
Ils ne refusent rien : `verifierLot` les joint au verdict d'une demande acceptable.

| avertissement | nom dans le code | texte | quand, et que faire |
|---|---|---|---|"""


def render() -> str:
    """The whole page, Markdown."""
    places = ", ".join(f"**{word}**{f' ({told})' if told else ''}" for word, told in WHERE.items())
    lines = [_HEAD, f"« Où » dit ce qui est refusé : {places}.", _CANAUX]
    lines += ["## Codes du guide\n", _HEADER, *_rows(GUIDE)]
    lines += ["\n## Codes du guide que rien ne donne\n", "| code | cas du guide | pourquoi |\n|---|---|---|"]
    lines += [f"| {code} | {case} | {why} |" for code, (case, why) in NOT_GIVEN.items()]
    lines += ["\n## Codes de la plateforme\n", _HEADER, *_rows(OWN)]
    lines += ["\n## Avertissements\n", _WARNED]
    lines += [
        f"| {caution.value} | {caution.name} | {CAUTIONS[caution]} | {advice} |" for caution, advice in WARNINGS.items()
    ]
    lines.append("")
    return "\n".join(lines)


def _rows(entries: Mapping[Code, Entry]) -> Iterator[str]:
    for code, entry in entries.items():
        cells = (code.value, code.name, TEXTS[code], entry.where, _canaux(entry), entry.advice)
        yield f"| {' | '.join(cells)} |"


def _canaux(entry: Entry) -> str:
    met = ", ".join(canal.value for canal in (Canal.WS, Canal.IHM) if canal in entry.canaux)
    absent = " ; ".join(f"{canal.value} : {why}" for canal, why in entry.absent.items())
    return f"{met} ({absent})" if met and absent else met or absent


if __name__ == "__main__":
    sys.stdout.write(render())

"""The départements, as the ``ST`` of a certificate writes them: ``Paris (75)`` (guide figure 45).

Codes and names: INSEE, Code officiel géographique. The collectivities overseas stand among them, as in the directories.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from registration.rules.names import fold

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "01": "Ain",
        "02": "Aisne",
        "03": "Allier",
        "04": "Alpes-de-Haute-Provence",
        "05": "Hautes-Alpes",
        "06": "Alpes-Maritimes",
        "07": "Ardèche",
        "08": "Ardennes",
        "09": "Ariège",
        "10": "Aube",
        "11": "Aude",
        "12": "Aveyron",
        "13": "Bouches-du-Rhône",
        "14": "Calvados",
        "15": "Cantal",
        "16": "Charente",
        "17": "Charente-Maritime",
        "18": "Cher",
        "19": "Corrèze",
        "2A": "Corse-du-Sud",
        "2B": "Haute-Corse",
        "21": "Côte-d'Or",
        "22": "Côtes-d'Armor",
        "23": "Creuse",
        "24": "Dordogne",
        "25": "Doubs",
        "26": "Drôme",
        "27": "Eure",
        "28": "Eure-et-Loir",
        "29": "Finistère",
        "30": "Gard",
        "31": "Haute-Garonne",
        "32": "Gers",
        "33": "Gironde",
        "34": "Hérault",
        "35": "Ille-et-Vilaine",
        "36": "Indre",
        "37": "Indre-et-Loire",
        "38": "Isère",
        "39": "Jura",
        "40": "Landes",
        "41": "Loir-et-Cher",
        "42": "Loire",
        "43": "Haute-Loire",
        "44": "Loire-Atlantique",
        "45": "Loiret",
        "46": "Lot",
        "47": "Lot-et-Garonne",
        "48": "Lozère",
        "49": "Maine-et-Loire",
        "50": "Manche",
        "51": "Marne",
        "52": "Haute-Marne",
        "53": "Mayenne",
        "54": "Meurthe-et-Moselle",
        "55": "Meuse",
        "56": "Morbihan",
        "57": "Moselle",
        "58": "Nièvre",
        "59": "Nord",
        "60": "Oise",
        "61": "Orne",
        "62": "Pas-de-Calais",
        "63": "Puy-de-Dôme",
        "64": "Pyrénées-Atlantiques",
        "65": "Hautes-Pyrénées",
        "66": "Pyrénées-Orientales",
        "67": "Bas-Rhin",
        "68": "Haut-Rhin",
        "69": "Rhône",
        "70": "Haute-Saône",
        "71": "Saône-et-Loire",
        "72": "Sarthe",
        "73": "Savoie",
        "74": "Haute-Savoie",
        "75": "Paris",
        "76": "Seine-Maritime",
        "77": "Seine-et-Marne",
        "78": "Yvelines",
        "79": "Deux-Sèvres",
        "80": "Somme",
        "81": "Tarn",
        "82": "Tarn-et-Garonne",
        "83": "Var",
        "84": "Vaucluse",
        "85": "Vendée",
        "86": "Vienne",
        "87": "Haute-Vienne",
        "88": "Vosges",
        "89": "Yonne",
        "90": "Territoire de Belfort",
        "91": "Essonne",
        "92": "Hauts-de-Seine",
        "93": "Seine-Saint-Denis",
        "94": "Val-de-Marne",
        "95": "Val-d'Oise",
        "971": "Guadeloupe",
        "972": "Martinique",
        "973": "Guyane",
        "974": "La Réunion",
        "975": "Saint-Pierre-et-Miquelon",
        "976": "Mayotte",
        "977": "Saint-Barthélemy",
        "978": "Saint-Martin",
        "986": "Wallis-et-Futuna",
        "987": "Polynésie française",
        "988": "Nouvelle-Calédonie",
    }
)
"""By code."""

# FINESS writes those overseas as 9 and a letter; its older numbers of Corsica have 20.
_OF_FINESS = {"9A": "971", "9B": "972", "9C": "973", "9D": "974", "9E": "975", "9F": "976"}
_SHORT, _OVERSEAS = 2, 3
_CORSICA, _SOUTH_OF_CORSICA = "20", ("200", "201")


def written(code: str, name: str = "") -> str | None:
    """The département of this code, else of this name, however written: ``Rhône (69)``; None when neither is one."""
    if not code and not name:
        return None
    code = _OF_FINESS.get(code, code)
    if code not in NAMES and len(code) == _OVERSEAS:
        code = code.removeprefix("0")
    if code not in NAMES:
        code = _CODES.get(fold(name), "")
    return _WRITTEN.get(code)


def read(text: str) -> str | None:
    """The département of a text that is its code, its name, or both as ``Paris (75)``; None when it is none of them."""
    name, _, code = text.rstrip(")").partition("(")
    return written(code.strip() or text.strip(), name)


def of_commune(code: str) -> str | None:
    """The département of a commune, by its code of INSEE or its postal code, five signs; None when it is neither."""
    if len(code) != 5 or not code[2:].isdigit():  # noqa: PLR2004 -- of both codes
        return None
    if code.startswith(_CORSICA):
        return _WRITTEN["2A" if code.startswith(_SOUTH_OF_CORSICA) else "2B"]
    return _WRITTEN.get(code[:_OVERSEAS]) or _WRITTEN.get(code[:_SHORT])


def of_finess(number: str) -> str | None:
    """The département of a FINESS number, which begins with it; None when it does not."""
    return _WRITTEN.get(_OF_FINESS.get(number[:_SHORT], "")) or of_commune(number[:5])


_WRITTEN = {code: f"{name} ({code})" for code, name in NAMES.items()}
# With the common names of those that have another.
_CODES = {fold(name): code for code, name in NAMES.items()} | {
    "reunion": "974",
    "corse du sud": "2A",
    "haute corse": "2B",
}

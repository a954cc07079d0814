"""Invented extracts of the directory in their real form, of any size, always the same for the same numbers.

Numbers have their keys, names their accents and hyphens; a professional works in one to four places, most of them with
a FINESS, some in a practice of their own. Nothing in it is anybody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stdnum import luhn

from batch.directory import finess, rpps
from registration.rules.departements import NAMES

_NOMS_TEXT = (
    "MARTIN BERNARD THOMAS PETIT ROBERT RICHARD DURAND DUBOIS MOREAU LAURENT SIMON MICHEL LEFÈVRE LEROY ROUX "
    "DAVID BERTRAND MOREL FOURNIER GIRARD BONNET DUPONT LAMBERT FONTAINE ROUSSEAU VINCENT MULLER LEFEBVRE FAURE "
    "ANDRÉ MERCIER BLANC GUÉRIN BOYER GARNIER CHEVALIER FRANÇOIS LEGRAND GAUTHIER GARCIA PERRIN ROBIN CLÉMENT "
    "MORIN NICOLAS HENRY ROUSSEL MATHIEU GAUTIER MASSON MARCHAND DUVAL DENIS DUMONT MARIE LEMAIRE NOËL MEYER "
    "DUFOUR MEUNIER BRUN BLANCHARD GIRAUD JOLY RIVIÈRE LUCAS BRUNET GAILLARD BARBIER ARNAUD MARTINEZ GÉRARD ROCHE "
    "RENARD SCHMITT ROY LEROUX COLIN VIDAL CARON PICARD ROGER FABRE AUBERT LEMOINE RENAUD DUMAS LACROIX OLIVIER "
    "PHILIPPE BOURGEOIS PIERRE BENOÎT REY LECLERC PAYET ROLLAND LECLERCQ GUILLAUME LECOMTE LOPEZ JEAN DUPUY "
    "GUILLOT HUBERT BERGER CARPENTIER SANCHEZ DUPUIS MOULIN LOUIS DESCHAMPS HUET VASSEUR PEREZ BOUCHER FLEURY "
    "ROYER KLEIN JACQUET ADAM PARIS POIRIER MARTY AUBRY GUYOT CARRÉ CHARLES RENAULT CHARPENTIER MÉNARD MAILLARD "
    "BARON BERTIN BAILLY HERVÉ SCHNEIDER FERNANDEZ LE·GALL COLLET LÉGER BOUVIER JULIEN PRÉVOST MILLET PERROT "
    "DANIEL ŒUVRARD D'ALMÉIDA L'HÔTELLIER SAINT-ANDRÉ "
)
_PRENOMS_TEXT = (
    "Camille Hélène Chloé Inès Zoé Léa Anaïs Noémie Éléonore Maëlle Jean Marie Louis Hugo Gaël Loïc François "
    "Benoît Jérôme Stéphane Jean-Marc Anne-Sophie Marie-Ève Aurélie Sébastien Raphaël Gabrielle Thaïs Théo Léon "
    "Mehdi Fatou Amélie Cécile Ophélie Valérie Frédéric Grégoire Joël Michaël Solène Tiphaine Yaël Adèle Agnès "
    "Barnabé Côme Désiré Edmée Félicité "
)
_NOMS, _PRENOMS = tuple(_NOMS_TEXT.split()), tuple(_PRENOMS_TEXT.split())
_PROFESSIONS = (
    ("10", "Médecin", "SM54"),
    ("60", "Infirmier", ""),
    ("70", "Masseur-Kinésithérapeute", ""),
    ("21", "Pharmacien", ""),
    ("40", "Chirurgien-Dentiste", ""),
    ("50", "Sage-Femme", ""),
    ("10", "Médecin", "SM26"),
)
_KINDS = ("CENTRE HOSPITALIER", "CLINIQUE", "MAISON DE SANTÉ", "EHPAD", "LABORATOIRE", "PHARMACIE", "SSIAD")
_CODES = tuple(NAMES)
_PERSONS_A_PLACE = 25
_MIX = 2_654_435_761


def _mixed(number: int, salt: int) -> int:
    """A number that looks like chance and is not."""
    value = (number * _MIX + salt * 40_503) & 0xFFFFFFFF
    value ^= value >> 15
    return (value * 2_246_822_519) & 0xFFFFFFFF


def _keyed(digits: str) -> str:
    return digits + luhn.calc_check_digit(digits)


@lru_cache(maxsize=200_000)
def place(number: int) -> tuple[str, str, str, str]:
    """(FINESS, raison sociale, code and name of the département) of one of the places."""
    code = _CODES[_mixed(number, 1) % 96]
    begin = "20" if code in {"2A", "2B"} else code
    nom = _NOMS[_mixed(number, 2) % len(_NOMS)].replace("·", " ")
    kind = _KINDS[_mixed(number, 3) % len(_KINDS)]
    return _keyed(f"{begin}{number % 1_000_000:06d}"), f"{kind} {nom} {number}", code, NAMES[code]


@dataclass(frozen=True, slots=True)
class Professionals:
    """So many lines of activities of invented professionals.

    ``renamed`` and ``gone`` name professionals by their rank: whose name is another one, and who is left out. ``title``
    of a whole file changes with ``edition`` alone, and nothing else does.
    """

    lines: int
    renamed: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()

    def write(self, path: Path) -> Path:
        """The extract as a file."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in self.text())
        return path

    def text(self) -> Iterator[str]:
        """Its lines, the header first."""
        yield rpps.SEPARATOR.join((*rpps.COLUMNS, ""))
        left, rank = self.lines, 0
        while left > 0:
            activities = min(left, 1 + (_mixed(rank, 4) % 10 > 5) + (_mixed(rank, 5) % 10 > 7))  # noqa: PLR2004 -- one in so many
            if rank not in self.gone:
                yield from self._activities(rank, activities)
            left, rank = left - activities, rank + 1

    def _activities(self, rank: int, activities: int) -> Iterator[str]:
        number = _keyed(f"10{rank:08d}")
        nom = _NOMS[_mixed(rank, 6) % len(_NOMS)].replace("·", " ")
        if rank % 7 == 0:
            nom = f"{nom}-{_NOMS[_mixed(rank, 7) % len(_NOMS)].replace('·', ' ')}"
        if rank in self.renamed:
            nom = f"{nom}-NOUVEAU"
        prenom = _PRENOMS[_mixed(rank, 8) % len(_PRENOMS)]
        profession, titre, skill = _PROFESSIONS[_mixed(rank, 9) % len(_PROFESSIONS)]
        is_student = rank % 40 == 0
        category = ("E", "Etudiant") if is_student else ("C", "Civil")
        who = ["8", number, f"8{number}", "DR", "Docteur", "M", "Monsieur", nom, prenom, profession, titre, *category]
        who += ["S", "Spécialité ordinale", skill, "Spécialité"] if skill else ["", "", "", ""]
        section = ["A", "Section A"] if profession == "21" else ["", ""]
        for activity in range(activities):
            yield rpps.SEPARATOR.join(
                [
                    *who,
                    "S",
                    "Salarié",
                    *self._where(rank, number, activity),
                    "SA01",
                    "Etablissement",
                    *section,
                    "",
                    "",
                    "",
                    "",
                    "",
                ]
            )

    def _where(self, rank: int, number: str, activity: int) -> list[str]:
        places = max(1, self.lines // _PERSONS_A_PLACE)
        if rank % 5 == 0 and activity == 0:  # has a practice of his own
            ident, code = f"4{number}001", _CODES[_mixed(rank, 10) % 96]
            head = ["", "", "", "", f"R{number}001", f"CABINET {number}", ""]
            return [*head, *self._address(code), code, NAMES[code], ident, "CNOM"]
        finess_number, raison, code, _ = place(_mixed(rank, 11 + activity) % places)
        head = ["", "", finess_number, "", f"F{finess_number}", raison, ""]
        # As published: of a place with a FINESS the département is mostly left out.
        return [*head, *self._address(code), "", "", f"1{finess_number}", "ARS"]

    @staticmethod
    def _address(code: str) -> list[str]:
        commune = code if code in {"2A", "2B"} else code.ljust(2, "0")
        digits = code[:2].replace("A", "0").replace("B", "0")
        street = ["", "", "2", "", "RUE", "Rue", "DES ACACIAS", "", ""]
        town = [f"{digits}000", f"{commune}{'001'[: 5 - len(commune)]}", "Ville", "", ""]
        return [*street, *town, "0100000000", "", "", ""]


def write_finess(path: Path, numbers: Iterable[int], *, kind: str = "structureet") -> Path:
    """The stock file of places (or of legal entities, ``structureej``) with these numbers."""
    with path.open("w", encoding="latin-1", newline="\n") as file:
        file.write("finess;etalab;96;2026-11-23\n")
        for number in numbers:
            ident, raison, code, name = place(number)
            fields = [kind, ident] + ([ident] if kind == "structureet" else []) + [raison[:38], raison]
            fields += [""] * (13 - len(fields)) + [code, name.upper()]
            file.write(finess.SEPARATOR.join(fields + [""] * (32 - len(fields))) + "\n")
    return path

"""Options that several commands share, with what they accept: completed by the shell, refused in French."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.failures import CommandLineError
from clients.contract.produits import ETATS_PRODUIT
from clients.contract.revocations import ETATS_REVOCATION
from clients.contract.values import ALL_OFFRES, ETATS_DEMANDE, USAGES_BY_OFFRE

USAGES = tuple(dict.fromkeys(usage for usages in USAGES_BY_OFFRE.values() for usage in usages))
_SEARCHED_OFFRES = (*USAGES_BY_OFFRE, ALL_OFFRES)
_ETATS_OF_PRODUITS = {
    "A_RETIRER": "TRANSMISE",
    "ACTIF": "CLOSE",
    "EXPIRE": "CLOSE",
    "REVOQUE": "CLOSE",
}
"""États of a certificate, and the état of the demande to ask for instead."""


def check_etat(value: str | None) -> str | None:
    """The état of a demande, whatever its case. Raises CommandLineError naming them all."""
    known = None if value is None else _ETATS_OF_PRODUITS.get(value.upper())
    if known is not None:
        raise CommandLineError(
            f"{value} est l'état d'un certificat ; l'état de sa demande est {known} : --etat {known}."
        )
    return _one_of("--etat", ETATS_DEMANDE, value)


def check_etat_produit(value: str | None) -> str | None:
    """The état of a certificate, whatever its case. Raises CommandLineError naming them all."""
    return _one_of("--etat", ETATS_PRODUIT, value)


def check_etat_revocation(value: str | None) -> str | None:
    """The état of a demande de révocation, whatever its case. Raises CommandLineError naming them all."""
    return _one_of("--etat", ETATS_REVOCATION, value)


def check_offre(value: str | None) -> str | None:
    """The offre to search for, or all of them, whatever the case. Raises CommandLineError naming them all."""
    return _one_of("--offre", _SEARCHED_OFFRES, value)


def check_usage(value: str | None) -> str | None:
    """The usage, whatever its case. Raises CommandLineError naming them all."""
    return _one_of("--usage", USAGES, value)


def check_instant(value: str | None) -> datetime | None:
    """A date-time as people type it, local unless its zone is written. Raises CommandLineError."""
    if value is None:
        return None
    try:
        # A time without a zone is the local one of whoever types it; the contract wants the zone written.
        return datetime.fromisoformat(value).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise CommandLineError(f"« {value} » n'est pas une date-heure, par exemple 2026-11-23T08:00.") from error


def _one_of(option: str, values: tuple[str, ...], value: str | None) -> str | None:
    if value is None:
        return None
    found = next((known for known in values if known == value.upper()), None)
    if found is None:
        raise CommandLineError(f"« {value} » n'est pas une valeur de {option} : {', '.join(values)}.")
    return found


def _completing(*values: str) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete


AsJson = Annotated[
    bool, typer.Option("--json", help="Un document JSON sur la sortie standard, celui de l'erreur en cas d'échec.")
]
LotFile = Annotated[Path, typer.Argument(help="Lot en XML (schéma publié) ou en CSV.", metavar="FICHIER")]
AnyLot = Annotated[str, typer.Argument(help="Index de lot, fichier du lot ou référence.", metavar="LOT")]
Reference = Annotated[
    str | None, typer.Option("--reference", help="Référence d'un lot CSV ; le nom du fichier si absente.")
]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", help="Écrire aussi la liste dans ce fichier CSV, pour un tableur.")
]
Folder = Annotated[Path, typer.Argument(help="Dossier des certificats et du manifeste.", metavar="DOSSIER")]
KeyFolder = Annotated[Path | None, typer.Option("--cles", help="Dossier des clés, pour les associer aux certificats.")]
CodeFile = Annotated[
    Path | None, typer.Option("--code-fichier", help="Fichier du code de révocation ; demandé deux fois si absent.")
]
AcceptCgu = Annotated[bool, typer.Option("--accepter-cgu", help="Accepter les certificats, les CGU et la PC.")]
Etat = Annotated[
    str | None,
    typer.Option(
        "--etat",
        help=f"État d'une demande : {', '.join(ETATS_DEMANDE)}.",
        autocompletion=_completing(*ETATS_DEMANDE),
    ),
]
EtatProduit = Annotated[
    str | None,
    typer.Option(
        "--etat",
        help=f"État d'un certificat : {', '.join(ETATS_PRODUIT)}.",
        autocompletion=_completing(*ETATS_PRODUIT),
    ),
]
EtatRevocation = Annotated[
    str | None,
    typer.Option(
        "--etat",
        help=f"État d'une demande de révocation : {', '.join(ETATS_REVOCATION)}.",
        autocompletion=_completing(*ETATS_REVOCATION),
    ),
]
Offre = Annotated[
    str | None,
    typer.Option("--offre", help="PS, PRO, ORG, SERV ou TOUTES.", autocompletion=_completing(*_SEARCHED_OFFRES)),
]
Usage = Annotated[
    str | None,
    typer.Option("--usage", help=f"Usage : {', '.join(USAGES)}.", autocompletion=_completing(*USAGES)),
]

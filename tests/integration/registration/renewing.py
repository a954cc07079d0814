"""Products ready to be renewed, and forms that renew them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from registration.values import DemandeForm
from registration.vocabulary import Canal
from storage import tables
from tests.support.csrs import csr
from tests.support.produits import conditions
from tests.support.world import World


def active(world: World, product: str = "ORG_AUTH_CLI", key: int = 0, **changes: Any) -> int:
    """The numero of a product of the portal that was withdrawn just now."""
    numero = world.place(world.form(product, key, **changes))
    world.run_batch()
    withdraw(world, numero)
    return numero


def withdraw(world: World, numero: int) -> None:
    world.ra.retraits.withdraw(world.origin(canal=Canal.IHM), numero, conditions())


def end_of(world: World, numero: int) -> datetime:
    return world.certificat(numero).not_after


def renewable(world: World, product: str = "ORG_AUTH_CLI", key: int = 0, **changes: Any) -> int:
    """As ``active``, ten days before its certificate ends."""
    numero = active(world, product, key, **changes)
    world.clock.now = end_of(world, numero)
    world.clock.advance(days=-10)
    return numero


def renewal(numero: int | str | None, key: int = 50, **changes: Any) -> DemandeForm:
    named = None if numero is None else str(numero)
    return DemandeForm(**{"renouvelle": named, "csr": csr(key), **changes})


def set_columns(world: World, table: Any, key: Any, **values: Any) -> None:
    """Change rows past every rule."""
    with world.db.write() as session:
        session.query(table).filter(key).update(values)


def close_structure(world: World, structure: str) -> None:
    set_columns(world, tables.Structure, tables.Structure.id_national == structure, disparu_le=world.clock())

"""What somebody says who wants a certificate revoked."""

from __future__ import annotations

from typing import Any

from registration.values import RevocationForm
from registration.vocabulary import EtatProduit
from storage import tables
from tests.support.produits import conditions
from tests.support.world import World


def revocation_form(numero: int | None = None, **changes: Any) -> RevocationForm:
    """A form that every rule accepts; ``changes`` replace fields."""
    good: dict[str, Any] = {
        "numero": numero, "motif": "FIN_ACTIVITE", "email": "acteur@acacias.example", "confirmation": True,
    }  # fmt: skip
    return RevocationForm(**(good | changes))


def active(world: World, product: str = "ORG_AUTH_CLI", key: int = 0, sender: str | None = None, **changes: Any) -> int:
    """The numero of a certificate in use, asked for by ``sender``."""
    index = world.issued(world.form(product, key, **changes), reference=f"active-{product}-{key}", sender=sender)
    (numero,) = world.numeros(index)
    world.ra.retraits.withdraw(world.origin(sender), numero, conditions())
    return numero


def certificat(world: World, numero: int) -> tables.Certificat:
    with world.db.read() as session:
        return session.query(tables.Certificat).filter_by(id_demande=numero).one()


def produit(world: World, numero: int) -> EtatProduit:
    with world.db.read() as session:
        return EtatProduit(session.get_one(tables.Demande, numero).etat_produit or "")


def revocation(world: World, numero: int | None) -> tables.DemandeRevocation:
    with world.db.read() as session:
        return session.get_one(tables.DemandeRevocation, numero)

"""What somebody types on the site without login, and what the database then says."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from registration.rules.proved_revocation import CodeTry, Proof, ProvedCertificat, SolvedCaptcha
from tests.support.produits import CODE
from tests.support.revoking import certificat
from tests.support.world import World


def common_name(world: World, numero: int) -> str:
    return world.hierarchy.authorities[certificat(world, numero).autorite].common_name


def solved(world: World, *, juste: bool = True) -> SolvedCaptcha:
    return SolvedCaptcha(secrets.token_hex(16), world.clock() + timedelta(minutes=10), juste)


def a_try(world: World, numero: int, **changes: Any) -> CodeTry:
    """Everything right for this certificate; ``changes`` replace fields."""
    good: dict[str, Any] = {
        "autorite": common_name(world, numero), "serie": certificat(world, numero).serial, "code": CODE,
        "adresse": "192.0.2.1", "captcha": solved(world),
    }  # fmt: skip
    return CodeTry(**(good | changes))


def proof_of(world: World, proved: ProvedCertificat, **changes: Any) -> Proof:
    """As a canal keeps it."""
    made: dict[str, Any] = {
        "jeton": secrets.token_hex(16), "fin_le": world.clock() + timedelta(minutes=10), "numero": proved.numero,
        "empreinte": proved.empreinte,
    }  # fmt: skip
    return Proof(**(made | changes))

"""Tables that are there and up to date, before a process works with them."""

from __future__ import annotations

from runtime.errors import OperatorError
from runtime.settings.model import Settings
from storage.migrate import is_current, upgrade
from storage.refusals import refusals_told


def prepare_database(settings: Settings) -> None:
    """Make or change the tables, where the account of the plateforme owns them; else see that somebody has.

    OperatorError when ``igc migrate`` has to be run before. The owner's password is not read.
    """
    if settings.database_owner_url is None:
        upgrade(settings.database_dsn())
        return
    with refusals_told():
        if not is_current(settings.database_dsn()):
            raise OperatorError("les tables ne sont pas à jour : lancer d'abord `igc migrate`, qui a leur propriétaire")

"""``igc mailer``: sends the notices that the plateforme owes."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta

from batch.mailing.mailer import Mailer, MailPolicy
from batch.mailing.smtp import Smtp
from batch.mailing.transport import Folder, Transport
from batch.mailing.wording import House
from commands.composition import Instance, started
from commands.options import ConfigOption
from registration.notices.gathering import Windows
from runtime.settings.errors import SettingsError

_NICENESS = 10
"""Who signs and who answers go first where processors are few."""


def run(config: ConfigOption = None) -> None:
    """Lance l'envoi des avis par mail, ou leur écriture dans un dossier quand aucun serveur SMTP n'est donné."""
    with started(config, "avis", "avis") as here:
        here.db.refuse_unfit()
        mailer = make_mailer(here)
        os.nice(_NICENESS)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stop.set())
        mailer.run(stop)


def make_mailer(here: Instance) -> Mailer:
    """The sender that the settings describe; SettingsError for a server that must not be used on this plateforme."""
    section = here.settings.notices
    if problems := here.settings.notices_problems():
        raise SettingsError(problems)
    transport: Transport = Folder(section.folder) if section.smtp.host is None else Smtp(section.smtp)
    house = House(section.issuer, section.sender, here.settings.portal.entry_url, here.plateforme)
    policy = MailPolicy(
        give_up=timedelta(hours=section.give_up_hours),
        keep=timedelta(days=section.keep_days),
        windows=Windows(timedelta(days=here.settings.registration.renewal_window_days)),
    )
    return Mailer(here.db, transport, house, policy)

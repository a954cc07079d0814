"""Mails wait while anything is to be signed, and never for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.notices.world import NoticeWorld

pytestmark = pytest.mark.long

MANY = 22  # more mails than are sent at a time


def owing(world: NoticeWorld, patience: timedelta, count: int) -> NoticeWorld:
    """Mails to send, of as many demandes, and something to sign."""
    world.mail_policy = replace(world.mail_policy, patience=patience)
    for number in range(count):
        world.place(world.form(key=number))
    return world


def test_no_mail_goes_while_anything_is_to_be_signed(world: NoticeWorld) -> None:
    mailer = owing(world, timedelta(minutes=1), 2).mailer()
    assert mailer.run_in_turn() == 0
    assert world.box.mails == []
    world.run_batch()
    assert mailer.run_in_turn() > 0
    assert world.box.mails


def test_after_a_while_all_mails_go_whatever_is_to_be_signed(world: NoticeWorld) -> None:
    mailer = owing(world, timedelta(0), MANY).mailer()
    while mailer.run_in_turn():
        pass
    assert len(world.box.mails) == MANY

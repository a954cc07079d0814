"""What the forms of all screens are made of: kinds of fields, cleaning, texts. No rule of the domain here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from wtforms import DateField, Form, IntegerField, StringField
from wtforms.validators import Optional, ValidationError
from wtforms.widgets import TextInput

from portal_ihm.shell.context import parse_numero
from registration.errors import TEXTS, Code

_NUMERO_MESSAGE = "Saisissez un nombre entier positif, par exemple 589."
_DATE_MESSAGE = "Saisissez une date existante, par exemple 23/11/2026."
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


def strip(value: str | None) -> str | None:
    """The value without surrounding blanks, None when nothing is left."""
    return (value or "").strip() or None


def upper(value: str | None) -> str | None:
    """Identifiers are read aloud and typed in any case."""
    return value.upper() if value else None


def check_readable(_form: Form, field: StringField) -> None:
    """Refuse control characters."""
    # A zero byte, for one, cannot even be searched for in PostgreSQL.
    if field.data and any(unicodedata.category(character) == "Cc" for character in field.data):
        raise ValidationError("Ce champ contient des caractères qui ne se lisent pas.")


def with_code(code: Code, **data: object) -> str:
    """A text of the catalogue with its code, as users quote it to the support."""
    return f"{TEXTS[code].format(**data)} ({code.value})"


def choices(prompt: str, texts: Mapping[Any, str]) -> dict[str, str]:
    """The choices of a list whose first line is ``prompt`` and stands for none of them."""
    return {"": prompt} | {value.value: text for value, text in texts.items()}


class NumeroField(IntegerField):
    """A positive number of at most 64 bits; blanks between groups of digits are accepted."""

    # A number input of a browser forgets what it cannot read, and with it what the reader has to correct.
    widget = TextInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Keep what was typed for the page; refuse everything but ASCII digits."""
        text = re.sub(r"\s", "", str(valuelist[0])) if valuelist else ""
        self.data = None
        if not text:
            return
        self.data = parse_numero(text)
        if self.data is None:
            raise ValueError(_NUMERO_MESSAGE)


class JourField(DateField):
    """A day; browsers send ISO dates, people without a date picker type the French form."""

    def __init__(self, label: str, **options: Any) -> None:  # noqa: ANN401 -- the form binds itself through them
        super().__init__(label, [Optional(), _check_day], format=["%Y-%m-%d", "%d/%m/%Y"], **options)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Nothing typed is no date; what is no date is said in French."""
        if not "".join(valuelist).strip():
            return
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_DATE_MESSAGE) from None


def _check_day(_form: Form, field: DateField) -> None:
    if field.data is not None and not _FIRST_DAY <= field.data <= _LAST_DAY:
        raise ValidationError(_DATE_MESSAGE)

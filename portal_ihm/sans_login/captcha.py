"""The captcha of the first step: six characters, drawn or spoken in French, copied in capitals or not.

The characters are sealed in the form itself; picture and sound are made from the seal when they are asked for. Both
are made from one alphabet without what looks alike (0 O, 1 I, 2 Z, 5 S, 8 B) or sounds alike (B D P T, F S, M N).
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock

from captcha.audio import AudioCaptcha
from captcha.image import ImageCaptcha

from portal_ihm.sans_login.sealing import Opened, Seals
from registration.rules.proved_revocation import SolvedCaptcha

ALPHABET = "23456789HJKLMRWXY"
LENGTH = 6
VOICES = Path(__file__).parent / "voix"
WIDTH, HEIGHT = 300, 100
_FONT_SIZES = (58, 66, 72)
# The library takes light colours for opaque: white on dark is what can be read.
_INK, _GROUND = (255, 255, 255), (18, 52, 59)
_PICTURES_KEPT, _SOUNDS_KEPT = 256, 32


class _Drawing(ImageCaptcha):
    """Characters that touch rather than cover each other, turned a little less than the library does, none cut off."""

    character_rotate = (-22, 22)
    word_offset_dx = 0.12
    word_space_probability = 1.0  # never a blank between two: with some, the last one would not find room


class _Kept:
    """The last ones that were made, by name."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            made = self._made.get(name)
        if made is None:
            made = make()
            with self._lock:
                self._made[name] = made
                while len(self._made) > self._most:
                    self._made.popitem(last=False)
        return made


class Captchas:
    """Makes them and judges what was copied."""

    def __init__(self, secret: bytes) -> None:
        """The voices are read once."""
        self._seals = Seals(secret, "captcha", str)
        self._drawing = _Drawing(WIDTH, HEIGHT, font_sizes=_FONT_SIZES)
        self._speaking = AudioCaptcha(voicedir=str(VOICES))
        self._speaking.load()
        self._pictures, self._sounds = _Kept(_PICTURES_KEPT), _Kept(_SOUNDS_KEPT)

    def make(self, line: str, now: datetime) -> str:
        """A new one for this line, sealed."""
        return self._seals.seal("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)), line, now)

    def judge(self, token: str, copied: str, line: str, now: datetime) -> SolvedCaptcha | None:
        """Whether it was copied rightly; None for a token that proves nothing."""
        opened = self._open(token, line, now)
        if opened is None:
            return None
        typed = "".join(unicodedata.normalize("NFKC", copied).upper().split())
        return SolvedCaptcha(opened.jeton, opened.fin_le, hmac.compare_digest(typed.encode(), opened.value.encode()))

    def picture(self, token: str, line: str, now: datetime) -> bytes | None:
        """A PNG, the same again for who asks again: many drawings would be easier to read by a program than one."""
        opened = self._open(token, line, now)
        return None if opened is None else self._pictures.get(opened.jeton, lambda: self._draw(opened.value))

    def sound(self, token: str, line: str, now: datetime) -> bytes | None:
        """A WAV (8 kHz, 8 bit) of about a quarter of a minute; the same again for who asks for a part of it."""
        opened = self._open(token, line, now)
        return None if opened is None else self._sounds.get(opened.jeton, lambda: self._speak(opened.value))

    def _draw(self, text: str) -> bytes:
        return self._drawing.generate(text, bg_color=_GROUND, fg_color=_INK).getvalue()

    def _speak(self, text: str) -> bytes:
        return bytes(self._speaking.generate(text))

    def _open(self, token: str, line: str, now: datetime) -> Opened[str] | None:
        return self._seals.open(token, line, now)

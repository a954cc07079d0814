"""The captcha of the first step: six characters, drawn or spoken in French, copied in capitals or not.

The characters are sealed in the form itself; neither picture nor sound is kept, each is made from the seal when it is
asked for. Both are made from one alphabet without what looks alike (0 O, 1 I, 2 Z, 5 S, 8 B) or sounds alike (B D P T,
F S, M N).
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections import OrderedDict
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
_SOUNDS_KEPT = 32


class _Drawing(ImageCaptcha):
    """Characters that touch rather than cover each other, turned a little less than the library does, none cut off."""

    character_rotate = (-22, 22)
    word_offset_dx = 0.12
    word_space_probability = 1.0  # never a blank between two: with some, the last one would not find room


class Captchas:
    """Makes them and judges what was copied."""

    def __init__(self, secret: bytes) -> None:
        """The voices are read once."""
        self._seals = Seals(secret, "captcha", str)
        self._drawing = _Drawing(WIDTH, HEIGHT, font_sizes=_FONT_SIZES)
        self._speaking = AudioCaptcha(voicedir=str(VOICES))
        self._speaking.load()
        self._sounds: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

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
        """A PNG, another one each time; None for a token that proves nothing."""
        opened = self._open(token, line, now)
        if opened is None:
            return None
        return self._drawing.generate(opened.value, bg_color=_GROUND, fg_color=_INK).getvalue()

    def sound(self, token: str, line: str, now: datetime) -> bytes | None:
        """A WAV (8 kHz, 8 bit) of about a quarter of a minute; the same again for who asks for a part of it."""
        opened = self._open(token, line, now)
        if opened is None:
            return None
        with self._lock:
            made = self._sounds.get(opened.jeton)
        if made is None:
            made = bytes(self._speaking.generate(opened.value))
        with self._lock:
            self._sounds[opened.jeton] = made
            while len(self._sounds) > _SOUNDS_KEPT:
                self._sounds.popitem(last=False)
        return made

    def _open(self, token: str, line: str, now: datetime) -> Opened[str] | None:
        return self._seals.open(token, line, now)

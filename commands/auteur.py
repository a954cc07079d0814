"""Who types a command, as the audit trail names him."""

from __future__ import annotations

import os
import pwd

AUTEUR_LENGTH = 64
"""Of the name of an author in the audit trail."""


def account() -> str:
    """Who typed the command, for the audit trail."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"

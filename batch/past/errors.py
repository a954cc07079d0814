"""The one error of this folder, apart from what raises it."""

from __future__ import annotations

from runtime.errors import OperatorError


class PastError(OperatorError):
    """The database does not know what the world has seen of this plateforme."""

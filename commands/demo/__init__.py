"""``igc demo``: a TEST plateforme in ``var/demo``, and a hospital that uses it for real."""

from commands.demo.play import run

__all__ = ["run"]

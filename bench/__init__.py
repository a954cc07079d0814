"""Measurements of the plateforme beside what it cannot do without; see README.md."""

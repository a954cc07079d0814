"""Revocation: whoever logs in may look for his certificates; the act asks for the right on the one that it names."""

from __future__ import annotations

ROWS = {
    ("GET", "/revoquer"): "holder",
    ("GET", "/revoquer/{numero}"): "holder",
    ("POST", "/revoquer/{numero}"): "holder",
    ("GET", "/revoquer/fin/{numero}"): "holder",
}

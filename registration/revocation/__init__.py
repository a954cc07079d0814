"""Revocations, and the keys that are revoked for good with them."""

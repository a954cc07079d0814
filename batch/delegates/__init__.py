"""Delegated keys of this machine: OCSP responders and audit seals, made, renewed, and used for sealing."""

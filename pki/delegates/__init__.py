"""Offices that an authority delegates to a key of its platform: OCSP responder, audit seal."""

"""``igc revoke`` and ``igc publish-crl``."""

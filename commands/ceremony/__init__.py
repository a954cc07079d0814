"""``igc ceremony``: authorities and TLS pairs."""

"""``igc habilitation``: who administers which offre of which structure."""

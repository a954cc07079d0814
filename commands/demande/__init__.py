"""``igc demande``: demandes of both canals, for who runs the plateforme."""

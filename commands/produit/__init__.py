"""``igc produit``: which products may be asked for."""

"""Produits: the certificates of demandes once they are signed, for who may follow them (guide §10.2)."""

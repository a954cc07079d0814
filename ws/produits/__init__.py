"""Produits over SOAP: operations, types, rendering."""

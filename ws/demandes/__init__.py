"""Demandes over SOAP: operations, types, rendering."""

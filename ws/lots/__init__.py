"""Lots over SOAP: operations, types, rendering."""

"""The rights of who asks, over SOAP: operation, types, rendering."""

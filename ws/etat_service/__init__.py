"""The state of the service over SOAP: operation and type."""

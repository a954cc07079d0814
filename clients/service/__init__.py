"""The service over mutual TLS."""

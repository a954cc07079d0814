"""Sessions of the portal, kept on the server."""

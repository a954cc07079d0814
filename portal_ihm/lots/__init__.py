"""The room for lots of the web service."""

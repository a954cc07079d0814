"""Acting for a third party."""

"""Tables, sessions and migrations. No rules here: what a row may become is decided in ``registration``."""

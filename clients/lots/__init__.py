"""A lot's life on disk: file, keys, state, withdrawn certificates."""

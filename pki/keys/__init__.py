"""Public keys of others: requests, what may be certified, what is known to be weak."""

"""Notices by mail: owed in the transaction of their cause, gathered into digests, taken by who sends them."""

"""``igc application``: the applications that act on the web service, and their client certificates."""

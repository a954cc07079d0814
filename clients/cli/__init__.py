"""``igc-client``, the command line."""

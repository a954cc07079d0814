"""``igc administrateur``: who may act for others."""

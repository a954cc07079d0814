"""Acting for others; to stop is nobody's privilege."""

ROWS = {
    ("GET", "/tiers"): "tiers",
    ("POST", "/tiers"): "tiers",
    ("POST", "/tiers/fin"): "holder",
}

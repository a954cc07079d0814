"""Renewal: whoever is recognised may search, and finds what is in his perimeter."""

ROWS = {
    ("GET", "/renouveler"): "holder",
    ("GET", "/renouveler/{numero}"): "holder",
    ("POST", "/renouveler/{numero}"): "holder",
}

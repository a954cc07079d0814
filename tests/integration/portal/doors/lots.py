"""Lots: whoever is recognised asks, and finds what he may follow; a deposit is refused by the right that it needs."""

ROWS = {
    ("GET", "/lots"): "holder",
    ("GET", "/lots/depot"): "holder",
    ("POST", "/lots/depot"): "holder",
    ("GET", "/lots/depot/{ident}"): "holder",
    ("POST", "/lots/depot/{ident}"): "holder",
    ("GET", "/lots/{index}"): "holder",
    ("GET", "/lots/{index}/elements"): "holder",
    ("GET", "/lots/{index}/verdicts.csv"): "holder",
    ("GET", "/lots/{index}/annuler"): "holder",
    ("POST", "/lots/{index}/annuler"): "holder",
}

"""Keys of the browser."""

ROWS = {
    ("GET", "/cles"): "holder",
    ("GET", "/demander/{ident}/etape-4/assistee"): "holder",
    ("POST", "/demander/{ident}/etape-4/assistee"): "holder",
}

"""The first page, the last one, and the files that every page is drawn with."""

ROWS = {
    ("GET", "/"): "holder",
    ("GET", "/deconnexion"): "public",
    ("POST", "/deconnexion"): "public",
    ("GET", "/static"): "public",
}

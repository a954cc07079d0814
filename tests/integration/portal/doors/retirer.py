"""Withdrawals: each act asks whether the certificate was asked for by who acts."""

ROWS = {
    ("GET", "/retirer"): "holder",
    ("GET", "/retirer/{numero}"): "holder",
    ("POST", "/retirer/{numero}"): "holder",
    ("GET", "/retirer/{numero}/certificat"): "holder",
    ("GET", "/retirer/{numero}/certificat.p7b"): "holder",
    ("GET", "/retirer/{numero}/certificat.pem"): "holder",
}

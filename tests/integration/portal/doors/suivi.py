"""Follow-up: whoever logs in may look for what he follows; each row is judged by the use case behind it."""

from __future__ import annotations

ROWS = {
    ("GET", "/suivi"): "holder",
    ("GET", "/suivi/demandes"): "holder",
    ("GET", "/suivi/demandes.csv"): "holder",
    ("GET", "/suivi/demandes/{numero}"): "holder",
    ("GET", "/suivi/demandes/{numero}/historique"): "holder",
    ("GET", "/suivi/demandes/{numero}/annuler"): "holder",
    ("POST", "/suivi/demandes/{numero}/annuler"): "holder",
    ("GET", "/suivi/produits"): "holder",
    ("GET", "/suivi/produits.csv"): "holder",
    ("GET", "/suivi/produits/{numero}"): "holder",
    ("GET", "/suivi/produits/{numero}/historique"): "holder",
    ("GET", "/suivi/produits/{numero}/certificat.p7b"): "holder",
    ("GET", "/suivi/produits/{numero}/certificat.pem"): "holder",
    ("GET", "/suivi/revocations"): "holder",
    ("GET", "/suivi/revocations.csv"): "holder",
    ("GET", "/suivi/revocations/{numero}"): "holder",
    ("GET", "/suivi/revocations/{numero}/historique"): "holder",
    ("GET", "/suivi/revocations/{numero}/abandonner"): "holder",
    ("POST", "/suivi/revocations/{numero}/abandonner"): "holder",
}

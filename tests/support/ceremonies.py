"""Files of ceremonies: with names, addresses and OIDs that a ceremony of PRODUCTION does not refuse as invented."""

NAMES = """
organization = "GIP DES ACACIAS"
identifier = "0002 180089013"
infrastructure = "IGC-ACACIAS"
"""
ROOT_NAME = 'common_name = "AC RACINE DES ACACIAS"\n'
SETTINGS = """
[settings]
policy_oid = "1.2.250.1.99999.1.2"
cps_uri = "http://igc.acacias-sante.fr/PC"
crl_url = "http://igc.acacias-sante.fr/CRL/{short_name}.crl"
crl_ldap_url = "ldap://annuaire.acacias-sante.fr/{dn}?certificaterevocationlist;binary?base?objectClass=pkiCA"
delta_crl_url = "http://igc.acacias-sante.fr/CRL/{short_name}-delta.crl"
delta_crl_ldap_url = ""
ocsp_url = "http://ocsp.acacias-sante.fr"
ca_issuers_url = "http://igc.acacias-sante.fr/AC/{short_name}.cer"
seal_key_usage_oid = "1.2.250.1.99999.9.1"

[settings.private_oids]
category = "1.2.250.1.99999.71.1.2.5"
card_type = "1.2.250.1.99999.71.1.2.2"
card_number = "1.2.250.1.99999.71.1.2.3"
profession = "1.2.250.1.99999.71.1.2.7"
training = "1.2.250.1.99999.71.1.2.8"
specialities = "1.2.250.1.99999.71.4.2.5"
pharmacist_table = "1.2.250.1.99999.71.4.2.6"
"""
SERVER = """
[[servers]]
name = "ws"
dns_names = ["ws.acacias-sante.fr"]
state = "Paris (75)"
organization = "GIP DES ACACIAS"
organizational_unit = "10B0990011"
"""
ORGANISATIONS = """
[[issuing]]
short_name = "{name}"
common_name = "AC ORGANISATIONS"
products = ["ORG_SIGN", "TLS_SERVER"]
key = "{key}"
"""


def ceremony_file(plateforme: str, *issuing: str, root: str = "", key: str = "software", server: str = SERVER) -> str:
    """The text of a file with small keys: ``issuing`` are short names, ``root`` further lines of the root."""
    members = "".join(ORGANISATIONS.format(name=name, key=key) for name in issuing)
    head = f'plateforme = "{plateforme}"\nkey_bits = 2048\n{NAMES}'
    return f'{head}\n[root]\nkey = "{key}"\n{ROOT_NAME}{root}\n{SETTINGS}{members}{server}'

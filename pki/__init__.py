"""The CA core, in the words of RFC 5280: key policy, CSR, profiles, lint, issuance, CRL, PKCS#7, ceremony.

It knows no lot, demande or offre, no SQL and no network. Only batch and commands may import what signs.
"""

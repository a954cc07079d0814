"""The CA core, in the words of RFC 5280. Knows no lot, demande or offre, no SQL and no network."""

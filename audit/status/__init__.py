"""Whether lists and OCSP answers say what the rows say."""

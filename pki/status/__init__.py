"""What relying parties ask about a certificate: CRLs read, OCSP requests and answers, reasons of revocation."""

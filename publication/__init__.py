"""What relying parties ask over plain HTTP: OCSP, CRLs, certificates of the authorities. Holds delegated keys only."""

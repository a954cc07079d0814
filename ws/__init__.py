"""The SOAP canal: TLS front, hardening, spyne operations, faults. No SQL, no signing key, no queue."""

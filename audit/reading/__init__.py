"""What is audited, read with the auditor's own eyes: DER, certificates, lists, rows, responder."""

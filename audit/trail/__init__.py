"""Whether history and audit trail are whole, and agree with the rows."""

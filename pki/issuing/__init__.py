"""The wall around signing: leaf certificates, CRLs and the signers. Only batch and commands import this."""

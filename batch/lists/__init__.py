"""CRLs: when they are due, how they are made and stored, and the files that relying parties download."""

"""The auditor: checks what was issued, published and recorded, with eyes of its own.

Nothing here may import what issues, signs or registers: a fault of theirs must not hide itself. What must be true is
written down a second time on purpose. Read-only: the auditor mends nothing.
"""

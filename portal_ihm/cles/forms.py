"""What the page that makes a key sends: the CSR, and nothing else."""

from __future__ import annotations

from wtforms import HiddenField

from portal_ihm.shell.secure_forms import SecureForm


class CsrForm(SecureForm):
    """``csr`` is the base64 of the PKCS#10 in DER."""

    csr = HiddenField()

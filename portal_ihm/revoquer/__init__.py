"""The screens that revoke a certificate (guide §11.1)."""

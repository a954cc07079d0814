"""The site where a certificate is revoked by its code, without login (guide §11.2); nothing of the portal is in it."""

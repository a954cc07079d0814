"""The screens that withdraw a certificate (guide §9)."""

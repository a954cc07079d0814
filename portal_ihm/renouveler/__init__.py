"""The screens that renew a certificate (guide §8.6)."""

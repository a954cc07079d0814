"""Logging in with Pro Santé Connect: OpenID Connect Core 1.0, code flow with PKCE, and the two kinds of logout."""

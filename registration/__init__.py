"""The registration authority: vocabulary, values, pure rules, use cases, read-only queries.

Both canals (WS, IHM) call the same use cases; nothing here knows SOAP, HTML, the queue or a signing key.
"""

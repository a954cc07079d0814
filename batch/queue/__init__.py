"""From the outbox to workers: relay, leases, RQ, jobs."""

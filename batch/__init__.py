"""The batch processor: outbox relay, fan-out of lots, RQ jobs, recovery. No HTTP and no SOAP."""

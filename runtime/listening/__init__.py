"""What listens: HTTP and TLS with bounded patience."""

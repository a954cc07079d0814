"""A whole plateforme to measure: its services, its processes, the messages that it is sent."""

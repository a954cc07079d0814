"""Verbs that run until they are ended: serve and the processes it starts."""

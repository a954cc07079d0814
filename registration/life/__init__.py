"""The one door through which a demande changes: transitions, history, outbox."""

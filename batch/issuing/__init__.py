"""Certificates: those that demandes ask for, by chunk, and those that the plateforme needs itself."""

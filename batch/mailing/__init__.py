"""Notices by mail: written, and handed to the mail server or put into a folder."""

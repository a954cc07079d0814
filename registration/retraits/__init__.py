"""Withdrawal (guide §9): by whom, until when, with which code, accepting which texts; and the end of its limit."""

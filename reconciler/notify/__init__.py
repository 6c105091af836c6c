"""Telling others: systemd's notify protocol."""

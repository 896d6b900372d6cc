"""Whoever thinks for us, behind ``ports.Agent``."""

"""Puts an AI agent on the phone."""

"""Simulated speech and language vendors: real HTTP and WebSockets on loopback, the vendors' wire shapes."""

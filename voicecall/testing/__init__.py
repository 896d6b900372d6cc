"""A public test bench: the simulated phone network, on real sockets or in memory, and the people who live in it."""

"""Our plugin beside the one that the old gateway bundles, on one machine: ``python -m tests.gateway.peer``."""

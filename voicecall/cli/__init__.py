"""The command line. Commands are clients: only ``serve`` binds anything."""

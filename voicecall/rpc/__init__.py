"""JSON-RPC 2.0, one message a line, over the unix socket in the state directory."""

"""What the server tells its operator: a line a message, and never a secret, a number or what somebody said."""

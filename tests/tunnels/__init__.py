"""How the door becomes public."""

"""How the door becomes public: programs of others (ngrok, tailscale) that bring requests from the internet to it.

``opening.py`` starts the one that is configured and keeps it; ``program.py`` runs programs, with limits.
"""

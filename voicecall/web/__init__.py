"""The one door: webhooks, health and media sockets share one TCP port."""

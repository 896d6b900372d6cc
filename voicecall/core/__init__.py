"""The pure core of a call: what is true, what should be done, and what a list of entries implies."""

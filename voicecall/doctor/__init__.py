"""``voicecall setup``: whether everything that a call needs is there, and what to do where it is not.

Nothing is changed, neither here nor at a carrier's.
"""

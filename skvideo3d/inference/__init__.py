"""The networks as they run fastest: the same numbers, laid out for the machine.

`skvideo3d.models` says what a network computes; this package computes it, on arrays whose channels
lie side by side. Nothing here trains, and nothing here knows of videos.
"""

from .preparation import PreparedNetwork, prepare_network

__all__ = ["PreparedNetwork", "prepare_network"]

"""The composition root: builds every part from the settings, starts and stops them in order.

``core`` stands on the store and runs for as long as the process; ``mail`` is what takes mail and
sends it; ``doors`` is what others talk to. ``server`` puts them up and takes them down.
"""

from sendook_lite.app.server import App, Started

__all__ = ["App", "Started"]

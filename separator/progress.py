"""Callbacks of long work: to report progress, and to cancel it."""

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Takes the fraction done, 0 to 1, and a word for what is being done."""
Cancel = Callable[[], bool]
"""Returns True once the work is to stop; it then raises ``Cancelled``."""

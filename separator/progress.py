"""Callbacks of long work: to report progress, and to cancel it."""

from collections.abc import Callable

from separator.errors import Cancelled

Progress = Callable[[float, str], None]
"""Takes the fraction done, 0 to 1, and a word for what is being done."""
Cancel = Callable[[], bool]
"""Returns True once the work is to stop; it then raises ``Cancelled``."""


def raise_if_cancelled(cancel: Cancel | None) -> None:
    """Raises Cancelled where ``cancel`` is given and returns True."""
    if cancel is not None and cancel():
        raise Cancelled("Stopped as asked; nothing was written.")

"""Benchmarks, each a command of its own. As in the commands, ``separator`` is imported before torch."""

import separator  # noqa: F401

"""Pictures of songs and comparisons, as matplotlib Figures of one style.

No pyplot, hence no shared state: figures can be drawn in any thread and are freed like any object. Nothing else in
`separator` imports matplotlib or this package.
"""

from separator.plots.comparison import draw_comparison
from separator.plots.spectrograms import draw_spectrograms
from separator.plots.spectrum import FrequencyAxis, average_cells, to_db
from separator.plots.style import save_png

__all__ = [
    "FrequencyAxis",
    "average_cells",
    "draw_comparison",
    "draw_spectrograms",
    "save_png",
    "to_db",
]

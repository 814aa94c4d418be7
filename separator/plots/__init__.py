"""Pictures of songs, scores and trainings, as matplotlib Figures of one style.

No pyplot, hence no shared state: figures can be drawn in any thread and are freed like any object. matplotlib is
imported here and nowhere else; nothing in `separator` imports this package.
"""

from separator.plots.comparison import comparison_figure
from separator.plots.error_map import error_map_figure
from separator.plots.sdr_strip import sdr_strip_figure
from separator.plots.spectrograms import spectrogram_figure
from separator.plots.style import save_png
from separator.plots.training_curves import training_curves_figure

__all__ = [
    "comparison_figure",
    "error_map_figure",
    "save_png",
    "sdr_strip_figure",
    "spectrogram_figure",
    "training_curves_figure",
]

"""The stem mixer and the comparison player: one ``gr.HTML`` whose sound and drawing are in ``assets/js/player``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr

from ui.scripts import mount_script

# The template never changes, so Gradio never redraws what the script has built inside it.
TEMPLATE = '<div class="sori-player" tabindex="0" role="group" data-empty="{empty}"></div>'


def build_player(elem_id: str, empty: str = "player.empty") -> gr.HTML:
    """A player that shows the text ``empty`` until ``make_mixer_value`` or ``make_comparison_value`` fills it."""
    return gr.HTML(
        value=None,
        html_template=TEMPLATE.format(empty=empty),
        js_on_load=mount_script("js/player/mount.js", "mountPlayer"),
        elem_id=elem_id,
        apply_default_css=False,
    )


def make_track(
    path: Path, kind: str, *, name: str = "", gain_db: float = 0.0, download: Path | None = None
) -> dict[str, Any]:
    """One track for the player: what it plays, and the file its download link gives (the same one if None).

    ``kind`` chooses colour and translated name; ``gain_db`` is the track's loudness match in a comparison.
    """
    offered = download or path
    return {
        "kind": kind,
        "name": name,
        "gain_db": gain_db,
        "file": _file(path),
        "download": {"file": _file(offered), "name": offered.name},
    }


def _file(path: Path) -> dict[str, Any]:
    """A file that Gradio gives a URL to, on the way to the browser."""
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


def make_mixer_value(
    title: str, sample_rate: int, tracks: Iterable[dict[str, Any]], analysis: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The value that fills a player with a stem mixer; ``sample_rate`` in Hz is the song's own.

    ``analysis`` is a ``SongAnalysis`` of ``assets/js/types.d.ts``; None while there is none yet.
    """
    tracks = list(tracks)
    return {"mode": "mixer", "title": title, "sample_rate": sample_rate, "tracks": tracks, "analysis": analysis}


def make_comparison_value(
    sample_rate: int, tracks: list[dict[str, Any]], sdr: dict[str, list[float | None]], maps: dict[str, Any]
) -> dict[str, Any]:
    """The value that fills a player with a comparison: SDR in dB per second and error maps, by ``a`` and ``b``."""
    return {"mode": "compare", "sample_rate": sample_rate, "tracks": tracks, "sdr": sdr, "maps": maps}

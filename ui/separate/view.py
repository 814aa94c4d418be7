"""What the Separate tab draws: the state of a job, its songs and their stems, the equal command. No wiring here."""

import math
import shlex
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from separator.errors import SeparatorError
from separator.shipped import PRESETS
from ui.components import html
from ui.components.player import make_mixer_value, make_track
from ui.i18n import TEXTS, detect_language, translate
from ui.safety.visitors import is_at_this_computer
from ui.separate.analysis import analyse_song
from ui.separate.queue import LOSSLESS, SeparationJob, SongRow
from ui.settings import PageSettings


def render_hint(settings: PageSettings, request: gr.Request) -> str:
    """What to do first."""
    if settings.max_minutes:
        return html.render_note(translate(request, "separate.hint_space", minutes=round(settings.max_minutes)))
    return html.render_note(
        translate(request, "separate.hint" if is_at_this_computer(request) else "separate.hint_public")
    )


def build_separation_command(
    paths: list[str] | None,
    models: list[str] | None,
    suffix: str = ".wav",
    bits: int = 0,
    strict: bool = False,
    tta: bool = False,
) -> str:
    """The command that does the same, one line a song; ``models`` are names of models, or of one preset."""
    flags = [
        flag
        for name in models or []
        for flag in (("--preset", name) if name in PRESETS else ("--model_path", f"checkpoints/{name}"))
    ]
    flags += ["--format", suffix[1:]] if suffix != ".wav" else []
    flags += ["--bits", str(bits)] if bits and suffix in LOSSLESS else []
    flags += ["--strict_band"] if strict else []
    flags += ["--tta"] if tta else []
    songs = [Path(path).name for path in paths or ["song.mp3"]]
    command = ["python", "inference.py", "--output_path", "stems"]
    return "\n".join(shlex.join([*command, "--input_path", song, *flags]) for song in songs)


def draw_job(job: SeparationJob, request: gr.Request) -> tuple[str, str]:
    """Status and queue table of a job."""
    return render_status(job, request), render_queue(job.songs, request)


def render_status(job: SeparationJob, request: gr.Request) -> str:
    """One card: how far, with stage and time left, or how it ended."""
    total = len(job.songs)
    if job.cancelled:
        return html.render_note(translate(request, "separate.stopped"))
    if job.finished.is_set():
        done = sum(song.state == "done" for song in job.songs)
        return html.render_progress(translate(request, "separate.finished", n=done, total=total), 1.0, job.message)
    if not job.has_started:
        return html.render_progress(translate(request, "separate.queued"), 0.0)
    number = next((n for n, song in enumerate(job.songs, 1) if song.state == "running"), total)
    stage = translate_stage(job.songs[number - 1].stage, request)
    left = job.eta_seconds
    aside = f"{100 * job.fraction:.0f} %"
    if left is not None:
        aside += " · " + translate(request, "separate.left", time=html.format_clock(left))
    return html.render_progress(
        translate(request, "separate.busy", n=number, total=total, stage=stage), job.fraction, aside
    )


def translate_stage(stage: str, request: gr.Request) -> str:
    """A stage in the visitor's language, where there is a translation."""
    return TEXTS[detect_language(request)].get(f"separate.stage_{stage}", stage)


def render_queue(songs: Sequence[SongRow], request: gr.Request) -> str:
    """A row per song: name, length, state."""
    if not songs:
        return ""
    rows = []
    for song in songs:
        word = translate(request, f"separate.state_{song.state}")
        percent = f" {100 * song.fraction:.0f} %" if song.state == "running" else ""
        message = song.message or " ".join(
            filter(None, (_describe_missing(song, request), _describe_clipping(song, request)))
        )
        remark = f'<br><span class="quiet">{escape(message)}</span>' if message else ""
        rows.append(
            (
                f'<span class="name">{escape(song.title)}</span>{remark}',
                html.format_clock(song.seconds),
                html.render_state(word + percent, song.state),
            )
        )
    heads = [translate(request, f"separate.column_{column}") for column in ("song", "length", "state")]
    return html.render_table(heads, rows, numbers=frozenset({1}))


def _describe_missing(song: SongRow, request: gr.Request) -> str:
    """How much of a song was damaged or cut off; empty where nothing was."""
    if not song.missing_seconds:
        return ""
    return translate(request, "separate.missing", seconds=f"{song.missing_seconds:.1f}")


def _describe_clipping(song: SongRow, request: gr.Request) -> str:
    """Which stems went beyond full scale in a format that cannot hold that; empty where none did."""
    if not song.loudest:
        return ""
    over_db = 20 * math.log10(max(song.loudest.values()))
    return translate(request, "separate.clipped", stems=", ".join(song.loudest), over=f"{over_db:.1f}")


def draw_outcome(job: SeparationJob) -> tuple[Any, ...]:
    """results, which, mixer, and the column of files with its list and its zip."""
    done = [song for song in job.songs if song.state == "done"]
    if not done:
        hidden = gr.Column(visible=False)
        return [], gr.Dropdown(visible=False), None, hidden, None, None
    choices = [(song.title, index) for index, song in enumerate(done)]
    downloads = [str(path) for song in done for path in song.downloads.values()]
    return (
        done,
        gr.Dropdown(choices, value=0, visible=len(done) > 1),
        show_song(done, 0),
        gr.Column(visible=True),
        downloads,
        gr.DownloadButton(value=job.archive, visible=job.archive is not None),
    )


def show_song(results: list[SongRow], index: int) -> dict[str, Any]:
    """In: results, which. Out: mixer."""
    song = results[index]
    assert song.mixture is not None, "a song that is done has its mixture"
    tracks = [make_track(song.mixture, "mixture")]
    tracks += [make_track(path, stem, download=song.downloads[stem]) for stem, path in song.stems.items()]
    return make_mixer_value(song.title, song.sample_rate, tracks, song.analysis)


def add_analysis(results: list[SongRow], index: int) -> Any:
    """In: results, which. Out: mixer, as it is but with the song's analysis; a song that has none stays without."""
    if not results or results[index].analysis:
        return gr.skip()
    try:
        results[index].analysis = analyse_song(results[index])
    except SeparatorError:
        return gr.skip()
    return show_song(results, index) | {"late": True}

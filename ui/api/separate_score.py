"""The endpoints that programs call (``gradio_client``, MCP): typed, documented, and doing what the tabs do."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from separator.errors import SeparatorError
from separator.progress import Cancel, Progress
from training.evaluation.scoring import SongScore, score_files
from training.evaluation.stem_files import score_stem_files, split_mixture
from ui.components.event_options import GPU_SLOT, POLL_SECONDS
from ui.jobs.background_call import BackgroundCall
from ui.jobs.fair_queue import FairQueue
from ui.limits import refuse_long
from ui.model_registry import ModelRegistry
from ui.safety.visitors import has_disconnected
from ui.separate.downloads import LOSSLESS, LOSSY, STUDIO
from ui.separate.queue import Options, create_job
from ui.settings import PageSettings

Result = TypeVar("Result")


def build_endpoints(settings: PageSettings, registry: ModelRegistry, fair_queue: FairQueue) -> None:
    """Add /separate, /score, /score_stems and /models to the current Blocks with hidden widgets."""
    endpoints = Endpoints(settings, registry, fair_queue)
    with gr.Column(visible=False):
        song = gr.File(label="song")
        models = gr.Dropdown(
            [], value=registry.choose_default(), multiselect=True, allow_custom_value=True, label="models"
        )
        suffix = gr.Dropdown([*LOSSLESS, *LOSSY, *STUDIO], value=".wav", label="suffix")
        bits = gr.Dropdown([0, 16, 24, 32], value=0, label="bits")
        strict, tta = (gr.Checkbox(value=False, label=name) for name in ("strict_band", "tta"))
        stems = gr.Files(label="stems")
        gr.Button().click(
            endpoints.separate, [song, models, suffix, bits, strict, tta], [stems], api_name="separate", **GPU_SLOT
        )
        reference, estimate, mixture = (gr.File(label=name) for name in ("reference", "estimate", "mixture"))
        bss, offset = gr.Checkbox(value=False, label="bss"), gr.Checkbox(value=False, label="fix_offset")
        score = gr.JSON(label="score")
        gr.Button().click(
            endpoints.score, [reference, estimate, mixture, bss, offset], [score], api_name="score", **GPU_SLOT
        )
        references, estimates = (gr.Files(label=name) for name in ("references", "estimates"))
        rows = gr.JSON(label="scores")
        gr.Button().click(
            endpoints.score_stems, [references, estimates, mixture, bss, offset], [rows], api_name="score_stems",
            **GPU_SLOT,
        )  # fmt: skip
        records = gr.JSON(label="models")
        gr.Button().click(endpoints.models, None, [records], api_name="models", queue=False)


class Endpoints:
    """Implementations of the endpoints; their docstrings are the public documentation."""

    def __init__(self, settings: PageSettings, registry: ModelRegistry, fair_queue: FairQueue | None = None) -> None:
        self.settings, self.registry, self.fair_queue = settings, registry, fair_queue or FairQueue()

    def separate(
        self,
        song: str | None,
        models: list[str],
        suffix: str,
        bits: int,
        strict_band: bool,
        tta: bool,
        request: gr.Request | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  (Gradio finds it by this default)
    ) -> list[str]:
        """Separate a song into stems that add up to it, at its own rate, channels and length.

        Args:
            song: An audio file of any length (WAV, FLAC, MP3, OGG; others through ffmpeg).
            models: Names as /models gives them, or a preset: "2stems" for vocals and accompaniment, "4stems" for
                vocals, drums, bass and other.
            suffix: File format of the stems: .wav, .flac, .mp3 or .ogg; .rpp for WAV files and a Reaper project,
                .stem.m4a for one file with the song and its four stems for DJ programs.
            bits: 16, 24 or 32 (float) for WAV and FLAC; 0 keeps the song's own depth.
            strict_band: Leave out everything above the model's band (11 kHz).
            tta: Average over 4 shifted passes: slightly better, and slower.

        Returns:
            The files of the stems, named "<song> - <stem>", and that for another program, "<song>.rpp".
        """
        if song is None:
            raise gr.Error("Give a song to separate.", print_exception=False)
        options = Options(suffix, bits or None, strict_band, tta, archive=False)
        try:
            job = create_job(self.settings, self.registry, [song], models, options)
            ticket = self.fair_queue.join(request, job.seconds)
        except SeparatorError as error:
            raise gr.Error(str(error), print_exception=False) from error
        (row,) = job.songs
        job.start(ticket)
        while not job.finished.wait(POLL_SECONDS):
            progress(job.fraction, desc=row.stage if job.has_started else "waiting for its turn")
            if has_disconnected(request):
                job.cancel()
        if row.state == "cancelled":
            raise gr.Error("Nobody waited for the stems, so the separation was stopped.", print_exception=False)
        if row.state != "done":
            raise gr.Error(row.message, print_exception=False)
        return [str(path) for path in row.files]

    def score(
        self,
        reference: str | None,
        estimate: str | None,
        mixture: str | None,
        bss: bool,
        fix_offset: bool,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Score an estimate of a stem against the true stem.

        Args:
            reference: The true stem.
            estimate: What a separator made of it.
            mixture: The song; Clean, Silence relative to the song, and BSSEval need it.
            bss: Also run BSSEval v4 for SIR, SAR and ISR (slow; needs the mixture).
            fix_offset: Shift an estimate that is late or early into place first.

        Returns:
            SDR, SI-SDR, SDR per second, Silence and Clean in dB, their grades, and notes on what was resampled or cut.
        """
        if reference is None or estimate is None:
            raise gr.Error("Give both a reference and an estimate to score.", print_exception=False)
        score = self._call(
            lambda _progress, cancel: score_files(
                reference, estimate, mixture, bss=bss, fix_offset=fix_offset, cancel=cancel
            ),
            [reference, estimate, mixture],
            request,
        )
        return score.to_dict()

    def score_stems(
        self,
        references: list[str] | None,
        estimates: list[str] | None,
        mixture: str | None,
        bss: bool,
        fix_offset: bool,
        request: gr.Request | None = None,
    ) -> list[dict[str, Any]]:
        """Score estimates of several stems of a song in one go; files are paired by the stems that their names end in.

        Args:
            references: The true stems, such as vocals.wav and drums.wav.
            estimates: What a separator made of them, such as song_vocals.wav and song_drums.wav.
            mixture: The song, unless it is among the references as mixture.wav; Clean and BSSEval need it.
            bss: Also run BSSEval v4 for SIR, SAR and ISR (slow; needs the mixture).
            fix_offset: Shift an estimate that is late or early into place first.

        Returns:
            A record per stem: stem, problem (why it has no score, or null) and score, as /score gives it.
        """
        if not references or not estimates:
            raise gr.Error("Give both references and estimates to score.", print_exception=False)

        def work(progress: Progress, cancel: Cancel) -> list[SongScore]:
            stems, found = split_mixture([Path(path) for path in references])
            made, song = {"a": [Path(path) for path in estimates]}, Path(mixture) if mixture else found
            return score_stem_files(stems, made, song, bss=bss, fix_offset=fix_offset, progress=progress, cancel=cancel)

        rows = self._call(work, [*references, *estimates, mixture], request)
        return [
            {"stem": row.stem, "problem": row.problem, "score": row.score.to_dict() if row.score else None}
            for row in rows
        ]

    def _call(
        self,
        work: Callable[[Progress, Cancel], Result],
        sounds: Sequence[str | None],
        request: gr.Request | None,
    ) -> Result:
        """The result of work in the background, in its turn, on sounds that are short enough.

        Raises gr.Error, also where its caller has hung up.
        """
        call = BackgroundCall(work)
        try:
            for sound in filter(None, sounds):
                refuse_long(sound, self.settings.max_minutes)
            call.start(self.fair_queue.join(request))
        except SeparatorError as error:
            raise gr.Error(str(error), print_exception=False) from error
        while not call.finished.wait(POLL_SECONDS):
            if has_disconnected(request):
                call.cancel()
                break
        if call.result is None:
            raise gr.Error(call.error or "Nobody waited for the score, so it was stopped.", print_exception=False)
        return call.result

    def models(self) -> list[dict[str, Any]]:
        """List the models that /separate can use.

        Returns:
            One record per model: name, target, size_bytes, n_weights, and its training record (score, date, ...).
        """
        return [
            {
                "name": name,
                "file": Path(info.path).name,
                "target": ", ".join(info.targets),
                "size_bytes": info.size_bytes,
                "n_weights": info.n_weights,
                "training": {
                    key: value for key, value in info.training.items() if isinstance(value, str | int | float)
                },
            }
            for name, info in self.registry.list_models().items()
        ]

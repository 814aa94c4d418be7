"""Before a training: make practice songs, check the data, time an epoch.

A check belongs to its data, not to a visitor: every page that shows the same folder and target shows the same check.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from separator.errors import Cancelled
from separator.progress import Cancel, Progress
from training.config import TrainConfig
from training.data.cache import Cache
from training.data_checks.doctor import examine
from training.data_checks.report import Report
from training.loop.initial_weights import find_sample_rate
from training.practice.songs import make_practice_songs
from ui.jobs.background_call import BackgroundCall
from ui.settings import PageSettings

MAX_CHECKS = 16
DECODERS = 1
"""Threads that decode; few, so that the page stays responsive."""

Key = tuple[tuple[str, ...], tuple[str, ...]]
"""Data folders and targets."""


@dataclass(frozen=True)
class DataCheck:
    """The report on some data and then the seconds of an epoch; each in its own thread."""

    report: BackgroundCall[Report]
    epoch_time: BackgroundCall[float]
    sample_rate: int
    """Of the model to train, at which the data are decoded."""

    @property
    def can_start(self) -> bool:
        """Whether the check has ended without an error that prevents training."""
        return self.report.result is not None and self.report.result.can_start

    @property
    def is_running(self) -> bool:
        return not self.report.finished.is_set()


def make_practice(settings: PageSettings, progress: Progress | None = None) -> None:
    """Make the page's practice songs; those that are there are kept.

    Raises DatasetError when the folder holds something else.
    """
    make_practice_songs(settings.practice, settings.practice_songs, settings.practice_seconds, progress=progress)


class DataChecks:
    """The checks of the last few data folders. Safe in threads; one check runs at a time."""

    def __init__(self, settings: PageSettings) -> None:
        self.settings = settings
        self._lock, self._one_at_a_time = threading.Lock(), threading.Lock()
        self._checks: OrderedDict[Key, DataCheck] = OrderedDict()

    def get(self, key: Key) -> DataCheck | None:
        """The check of these data, if there is one."""
        with self._lock:
            return self._checks.get(key)

    def start(
        self, config: TrainConfig, start_from: Path | None, *, practice: bool, probe: bool, again: bool = True
    ) -> DataCheck:
        """Check the data of `config`, unless that is being done or, without `again`, was done already.

        A check at another sample rate than that of the model to train, which goes on from a checkpoint if one is given,
        is ended and done again. `practice` makes the songs first. With `probe` an epoch is timed afterwards; not while
        a training runs.

        Raises CheckpointError and ConfigError for a checkpoint that cannot be trained on.
        """
        key, rate = (config.data_dir, config.target), find_sample_rate(config, start_from)
        with self._lock:
            check = self._checks.get(key)
            if check is not None and check.sample_rate != rate:
                check.report.cancel()
                check.epoch_time.cancel()
            elif check is not None and (check.is_running or (not again and check.report.result is not None)):
                return check
            epoch_time = BackgroundCall(partial(self._time_epoch, config, start_from))
            if not probe:
                epoch_time.cancel()
            report = BackgroundCall(partial(self._examine, config, rate, practice, epoch_time))
            check = self._checks[key] = DataCheck(report, epoch_time, rate)
            self._checks.move_to_end(key)
            while len(self._checks) > MAX_CHECKS:
                self._checks.popitem(last=False)[1].report.cancel()
        check.report.start()
        return check

    def cancel_timing(self) -> None:
        """Cancel all timing of epochs, before a training starts."""
        with self._lock:
            for check in self._checks.values():
                check.epoch_time.cancel()

    def _examine(
        self,
        config: TrainConfig,
        sample_rate: int,
        practice: bool,
        epoch_time: BackgroundCall[float],
        progress: Progress,
        cancel: Cancel,
    ) -> Report:
        with self._one_at_a_time:
            if practice:
                make_practice(self.settings, lambda fraction, song: progress(fraction, "practice"))
            report = examine(
                config.data_dir,
                config.target,
                Cache(config.cache_dir, sample_rate),
                loose_dirs=config.loose_dirs(),
                soft_dirs=config.soft_dir,
                valid_dir=config.val_dir or None,
                valid_share=config.val_split,
                seed=config.seed,
                workers=DECODERS,
                progress=lambda fraction, what: progress(fraction, "decoding"),
                cancel=cancel,
            )
        if report.can_start and not epoch_time.cancelled:
            epoch_time.start()
        return report

    def _time_epoch(self, config: TrainConfig, start_from: Path | None, progress: Progress, cancel: Cancel) -> float:
        from training.loop.sanity_checks import seconds_per_epoch  # Lightning takes seconds to import

        with self._one_at_a_time:
            if cancel():
                raise Cancelled("timing an epoch was cancelled")
            return seconds_per_epoch(config, cancel, start_from)

"""What the Train tab does with data before it is trained on: make practice songs, ask the doctor, time an epoch.

A check belongs to its data, not to a visitor: every page that shows the same folder and target shows the same check.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from separator.api import Cancel, Progress
from separator.errors import Cancelled
from training.config import TrainConfig, model_config_of
from training.data.cache import Cache
from training.data_checks.doctor import examine
from training.data_checks.report import Report
from training.practice.songs import make_practice_songs
from ui.jobs.background_call import BackgroundCall
from ui.settings import PageSettings

MOST_CHECKS = 16
DECODERS = 1
"""Threads that decode, so that the page stays quick."""

Key = tuple[tuple[str, ...], tuple[str, ...]]
"""Data folders and targets."""


@dataclass(frozen=True)
class Checkup:
    """The doctor's report on some data and, once that is there, the time of an epoch; each in its own thread."""

    report: BackgroundCall[Report]
    pace: BackgroundCall[float]

    @property
    def can_start(self) -> bool:
        """Whether the doctor has answered, and found nothing in the way of training."""
        return self.report.result is not None and self.report.result.can_start

    @property
    def is_running(self) -> bool:
        return not self.report.finished.is_set()


def make_practice(settings: PageSettings, progress: Progress | None = None) -> None:
    """Make the page's practice songs; those that are there are kept.

    Raises DatasetError when the folder holds something else.
    """
    make_practice_songs(settings.practice, settings.practice_songs, settings.practice_seconds, progress=progress)


class Checkups:
    """The checks of the last few data folders. Safe in threads; one check works at a time."""

    def __init__(self, settings: PageSettings) -> None:
        self.settings = settings
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._checks: OrderedDict[Key, Checkup] = OrderedDict()

    def get(self, key: Key) -> Checkup | None:
        """The check of these data, if one was begun."""
        with self._lock:
            return self._checks.get(key)

    def begin(self, config: TrainConfig, *, practice: bool, probe: bool, again: bool = True) -> Checkup:
        """Check the data of `config`, unless that is being done or, without `again`, was done already.

        `practice` makes the songs first. With `probe` an epoch is timed afterwards; not wise while one is trained.
        """
        key = (config.data_dir, config.target)
        with self._lock:
            check = self._checks.get(key)
            if check is not None and (check.is_running or (not again and check.report.result is not None)):
                return check
            pace = BackgroundCall(partial(self._time, config))
            if not probe:
                pace.cancel()
            check = Checkup(BackgroundCall(partial(self._examine, config, practice, pace)), pace)
            self._checks[key] = check
            self._checks.move_to_end(key)
            while len(self._checks) > MOST_CHECKS:
                self._checks.popitem(last=False)[1].report.cancel()
        check.report.start()
        return check

    def hush(self) -> None:
        """Stop timing: a real training is about to begin."""
        with self._lock:
            for check in self._checks.values():
                check.pace.cancel()

    def _examine(
        self, config: TrainConfig, practice: bool, pace: BackgroundCall[float], progress: Progress, cancel: Cancel
    ) -> Report:
        with self._turn:
            if practice:
                make_practice(self.settings, lambda fraction, song: progress(fraction, "practice"))
            report = examine(
                config.data_dir,
                config.target,
                Cache(config.cache_dir, model_config_of(config).stft.sample_rate),
                loose_dirs=config.loose_dirs(),
                soft_dirs=config.soft_dir,
                valid_dir=config.val_dir or None,
                valid_share=config.val_split,
                seed=config.seed,
                workers=DECODERS,
                progress=lambda fraction, what: progress(fraction, "decoding"),
                cancel=cancel,
            )
        if report.can_start and not pace.cancelled:
            pace.start()
        return report

    def _time(self, config: TrainConfig, progress: Progress, cancel: Cancel) -> float:
        from training.loop.sanity_checks import seconds_per_epoch  # Lightning takes seconds to import

        with self._turn:
            if cancel():
                raise Cancelled("the time of an epoch is not wanted any more")
            return seconds_per_epoch(config, cancel)

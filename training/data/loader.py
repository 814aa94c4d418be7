"""The batches that one process trains on, prepared by worker processes, and how long they were waited for."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

from lightning.fabric import Fabric
from torch.utils.data import DataLoader

from separator.errors import SeparatorError
from training.config import TrainConfig
from training.data.remix import ExcerptNumbers, Excerpts
from training.data.training_data import Material
from training.loop.train_step import Batch


class Batches:
    """Numbered excerpts in batches: the same numbers give the same batches, in whatever number of workers."""

    def __init__(
        self,
        material: Material,
        config: TrainConfig,
        sample_rate: int,
        fabric: Fabric,
        excerpts: Excerpts | None = None,
    ) -> None:
        self.waited_seconds = 0.0
        self._numbers = ExcerptNumbers(config.batch_size, fabric.global_rank, fabric.world_size)
        self._loader: DataLoader[Any] = DataLoader(
            excerpts or Excerpts(material, config, sample_rate),
            batch_size=config.batch_size,
            sampler=self._numbers,
            num_workers=config.workers,
            persistent_workers=config.workers > 0,
            prefetch_factor=4 if config.workers else None,
            multiprocessing_context=_worker_context() if config.workers else None,
            worker_init_fn=_follow_trainer,
            pin_memory=fabric.device.type == "cuda",
        )

    def take(self, first: int, count: int) -> Iterator[Batch]:
        """``count`` batches from excerpt ``first`` on; ``waited_seconds`` starts anew.

        Raises:
            DatasetError: the cache was removed or damaged since the training began.
        """
        self._numbers.first, self._numbers.batches = first, count
        self.waited_seconds = 0.0
        batches = iter(self._loader)
        for _ in range(count):
            begun = time.monotonic()
            batch = _next(batches)
            self.waited_seconds += time.monotonic() - begun
            yield batch


def _next(batches: Iterator[Batch]) -> Batch:
    try:
        return next(batches)
    except SeparatorError as error:
        # A worker's error comes with its traceback for a message; in the last line are its type and what it said.
        kind = type(error)
        said = str(error).rpartition(f"{kind.__module__}.{kind.__qualname__}: ")[2].strip()
        raise kind(said) from error


def _worker_context() -> str:
    """How worker processes begin: never as a copy of this one, which may have threads or a GPU open."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _follow_trainer(worker: int) -> None:
    """Leave Ctrl-C, which reaches every process of a terminal, to the trainer, and end when that one has ended.

    A worker's parent process is the fork server, which waits for its workers: neither would notice a killed trainer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_trainer, name="end with the trainer", daemon=True).start()


def _end_with_trainer() -> None:
    trainer = multiprocessing.parent_process()  # who asked for this process, not who forked it
    assert trainer is not None
    trainer.join()
    os._exit(1)

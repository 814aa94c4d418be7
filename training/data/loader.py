"""The batches that one process trains on, prepared by worker processes, and how long they were waited for."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from separator.errors import SeparatorError
from training.config import ExcerptSettings
from training.data.remix import ExcerptNumbers, Excerpts
from training.data.training_data import TrainingData

Batch = Sequence[Tensor]
"""Targets (B, S, N), rest (B, N), the frequency in Hz (B, S) up to which each is known (below 0 it is not), and the
gains of targets and rest in left and right (B, S + 1, 2)."""


class Batches:
    """Numbered excerpts in batches: the same numbers give the same batches, in whatever number of workers."""

    def __init__(
        self,
        data: TrainingData,
        config: ExcerptSettings,
        sample_rate: int,
        fabric: Fabric,
        excerpts: Excerpts | None = None,
    ) -> None:
        self.waited_seconds = 0.0
        self._numbers = ExcerptNumbers(config.batch_size, fabric.global_rank, fabric.world_size)
        self._loader: DataLoader[Any] = DataLoader(
            excerpts or Excerpts(data, config, sample_rate),
            batch_size=config.batch_size,
            sampler=self._numbers,
            num_workers=config.workers,
            persistent_workers=config.workers > 0,
            prefetch_factor=4 if config.workers else None,
            multiprocessing_context=_worker_context() if config.workers else None,
            worker_init_fn=_exit_with_trainer,
            generator=torch.Generator(),  # not the global one, whose numbers a resumed run goes on with
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
        # A worker's error has its traceback for a message, which ends with its type and its own message.
        kind = type(error)
        message = str(error).rpartition(f"{kind.__module__}.{kind.__qualname__}: ")[2].strip()
        raise kind(message) from error


def _worker_context() -> str:
    """Workers never start as a copy of this process, which may have threads or a GPU open."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _exit_with_trainer(worker: int) -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal, and exit when the trainer has ended.

    A worker's parent process is the fork server, which waits for its workers: neither would end with a killed trainer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_and_exit, name="end with the trainer", daemon=True).start()


def _wait_and_exit() -> None:
    trainer = multiprocessing.parent_process()  # the process that started this one, not the fork server
    assert trainer is not None
    trainer.join()
    os._exit(1)

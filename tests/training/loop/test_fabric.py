"""Where a training runs, and in which precision. Several processes: test_several_processes.py."""

import logging

import pytest
import torch

from separator.errors import ConfigError, DatasetError, SeparatorError
from training.config import TrainConfig
from training.loop.fabric import (
    broadcast_from_rank_zero,
    make_fabric,
    oom_as_user_error,
    raise_on_all_ranks,
    resolve_precision,
    sum_over_processes,
)

CPU = TrainConfig(device="cpu", precision="32-true")


def test_a_missing_device_is_refused_with_those_that_exist():
    assert make_fabric(CPU).device == torch.device("cpu")
    for name in ("tpu", "cuda:99"):
        with pytest.raises(ConfigError, match=rf"'{name}'.*cpu"):
            make_fabric(CPU.replace(device=name))


def test_auto_is_half_precision_where_the_cpu_has_it(monkeypatch: pytest.MonkeyPatch):
    assert resolve_precision("auto", "cuda") == "16-mixed"
    assert resolve_precision("auto", "mps") == "32-true"
    for amx, avx512 in ((True, False), (False, True), (True, True), (False, False)):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx512=avx512: avx512)
        assert resolve_precision("auto", "cpu") == ("bf16-mixed" if amx or avx512 else "32-true")
    assert resolve_precision("32-true", "cuda") == "32-true"


def test_a_full_memory_is_told_with_what_to_do():
    for words in ("CUDA out of memory. Tried to allocate 2.00 GiB", "MPS backend out of memory (MPS allocated: 9 GB)"):
        with pytest.raises(SeparatorError, match="lower --batch_size from 32"), oom_as_user_error(TrainConfig()):
            raise RuntimeError(words)
    with pytest.raises(RuntimeError, match="shapes"), oom_as_user_error(TrainConfig()):
        raise RuntimeError("shapes do not match")


@pytest.mark.parametrize(
    ("precision", "dtype"), [("16-mixed", torch.float16), ("bf16-mixed", torch.bfloat16), ("32-true", torch.float32)]
)
def test_precisions_and_number_formats_agree(precision: str, dtype: torch.dtype):
    with make_fabric(CPU.replace(precision=precision)).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_half_precision_on_a_cpu_is_not_silently_replaced():
    fabric = make_fabric(CPU.replace(precision="16-mixed"))
    assert fabric._precision.precision == "16-mixed"
    assert fabric._precision.scaler is not None


def test_fabric_says_nothing(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="root"):
        make_fabric(CPU.replace(precision="bf16-mixed"))
    assert capsys.readouterr() == ("", "")
    assert caplog.messages == []


def test_one_process_agrees_with_itself():
    fabric = make_fabric(CPU)
    assert sum_over_processes(fabric, 2.5) == 2.5
    assert broadcast_from_rank_zero(fabric, lambda: "here") == "here"
    raise_on_all_ranks(fabric, None)
    with pytest.raises(DatasetError, match="no songs"):
        raise_on_all_ranks(fabric, DatasetError("no songs"))

    def fail() -> str:
        raise ConfigError("no folder")

    with pytest.raises(ConfigError, match="no folder"):
        broadcast_from_rank_zero(fabric, fail)

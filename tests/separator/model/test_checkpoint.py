"""Checkpoints: safe to take from a stranger, exact, and whole or not there at all."""

import copy
import errno
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from separator.errors import CheckpointError
from separator.model import CRNN, checkpoint, load_model, save_checkpoint
from separator.model.checkpoint import describe, list_checkpoints, read_checkpoint


class Intruder:
    """A pickle of this creates a file when it is opened carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.path),))


def test_a_model_comes_back_bit_for_bit(tiny_model: CRNN, tmp_path: Path):
    path = tmp_path / "모델 (1).pth"
    save_checkpoint(path, tiny_model, {"epoch": 3})
    loaded = load_model(path)
    assert not loaded.training
    assert loaded.config == tiny_model.config
    for name, value in tiny_model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_half_precision_halves_the_file_and_loads_as_single(tiny_model: CRNN, tmp_path: Path):
    save_checkpoint(tmp_path / "half.pth", tiny_model, {}, half=True)
    loaded = load_model(tmp_path / "half.pth")
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}
    for name, value in tiny_model.named_parameters():
        assert torch.allclose(loaded.get_parameter(name), value, rtol=1e-3, atol=1e-6)


def test_it_describes_itself_without_being_built(
    tiny_checkpoint: Path, tiny_model: CRNN, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoint, "CRNN", None)  # building one would fail
    info = describe(tiny_checkpoint)
    assert info.targets == ("vocals",)
    assert info.n_weights == tiny_model.n_weights()
    assert info.size_bytes == tiny_checkpoint.stat().st_size
    assert info.training == {"run_name": "tiny"}


def test_a_missing_file_says_what_to_do(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"train\.py"):
        load_model(tmp_path / "none.pth")


def test_a_truncated_file_is_refused_at_any_length(tiny_checkpoint: Path):
    content = tiny_checkpoint.read_bytes()
    for share in (0.0, 0.001, 0.1, 0.5, 0.99):
        tiny_checkpoint.write_bytes(content[: int(share * len(content))])
        with pytest.raises(CheckpointError, match="damaged"):
            load_model(tiny_checkpoint)


def test_a_file_with_code_inside_is_refused_and_the_code_not_run(tmp_path: Path):
    trap = tmp_path / "trap"
    content = {"format_version": 1, "weights": Intruder(trap)}
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(content))
    torch.save(content, tmp_path / "archive.pth")
    for name in ("bare", "archive"):
        with pytest.raises(CheckpointError, match="run code"):
            load_model(tmp_path / f"{name}.pth")
    assert not trap.exists()


def test_a_file_of_another_program_is_refused(tmp_path: Path):
    torch.save({"state_dict": {"conv.weight": torch.zeros(3)}}, tmp_path / "foreign.pth")
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    (tmp_path / "text.pth").write_text("these are not weights")
    for name in ("foreign", "tensor"):
        with pytest.raises(CheckpointError, match="another program"):
            load_model(tmp_path / f"{name}.pth")
    with pytest.raises(CheckpointError):
        load_model(tmp_path / "text.pth")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format_version": 99}, "format version 99.*update"),
        ({"format_version": "one"}, "format version"),
        ({"weights": None}, "lacks weights"),
        ({"weights": {5: torch.zeros(3)}}, "damaged.*5"),
        ({"weights": {"a": "b"}}, "damaged.*'a'"),
        ({"weights": {"a": torch.tensor([0.0, torch.nan])}}, "damaged.*'a'"),
        ({"model": {"targets": 5}}, "cannot build"),
        ({"model": {"targets": ["vocals"], "gru_hidden": 2.5}}, "cannot build.*whole number"),
        ({"model": {"targets": ["vocals"], "gru_layers": 10**7}}, "cannot build.*gru_layers.*16 at most"),
        ({"model": {"targets": ["vocals"], "gru_hidden": 4096, "gru_layers": 16}}, "do not fit"),  # 19 GB, if built
        ({"model": {"targets": ["v" * 300]}}, "cannot build.*target"),
        ({"training": {"sdr_db": 10**400}}, "damaged.*sdr_db"),
        ({"training": {"sdr_db": float("nan")}}, "damaged.*sdr_db"),
        ({"training": {"date": "9" * 10**6}}, "damaged.*date"),
        ({"model": {"targets": ["vocals"], "heads": 8}}, "cannot build.*heads"),
        ({"model": {"targets": ["vocals"]}}, "do not fit"),
    ],
)
def test_each_kind_of_wrong_content_has_its_sentence(tiny_checkpoint: Path, changes: dict[str, object], sentence: str):
    content = read_checkpoint(tiny_checkpoint)
    torch.save({**content, **changes}, tiny_checkpoint)
    with pytest.raises(CheckpointError, match=sentence):
        load_model(tiny_checkpoint)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_that_is_not_finite_is_never_saved(tiny_model: CRNN, tmp_path: Path, value: float):
    path = tmp_path / "model.pth"
    save_checkpoint(path, tiny_model, {"epoch": 1})
    with torch.no_grad():
        next(tiny_model.parameters()).view(-1)[0] = value
    with pytest.raises(CheckpointError, match="NaN or infinite"):
        save_checkpoint(path, tiny_model, {"epoch": 2})
    assert describe(path).training == {"epoch": 1}


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tiny_model: CRNN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "model.pth"
    save_checkpoint(path, tiny_model, {"epoch": 1})

    def half_a_file(part: Path, content: bytes) -> None:
        part.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half_a_file)
    with pytest.raises(CheckpointError, match="disk is full"):
        save_checkpoint(path, tiny_model, {"epoch": 2})
    assert [file.name for file in tmp_path.iterdir()] == ["model.pth"]
    assert describe(path).training == {"epoch": 1}


def test_a_folder_that_is_missing_is_not_made(tiny_model: CRNN, tmp_path: Path):
    with pytest.raises(CheckpointError, match="No such file"):
        save_checkpoint(tmp_path / "moved" / "last.pth", tiny_model, {})
    assert not (tmp_path / "moved").exists()


def test_the_list_has_shipped_models_first_then_runs(tiny_model: CRNN, tmp_path: Path):
    for name in ("vocals.pth", "best_model.pth", "older/best_model.pth", "newer/best_model.pth", "newer/last.pth"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save_checkpoint(tmp_path / name, tiny_model, {"name": name})
    os.utime(tmp_path / "older/best_model.pth", (1, 1))
    (tmp_path / "notes.pth").write_text("hello")
    torch.save({"weights": {}}, tmp_path / "foreign.pth")
    names = [info.training["name"] for info in list_checkpoints(tmp_path)]
    assert names == ["vocals.pth", "newer/best_model.pth", "older/best_model.pth"]


def test_an_absent_folder_holds_no_checkpoints(tmp_path: Path):
    assert list_checkpoints(tmp_path / "none") == []


ODD_WEIGHTS = {
    "fp8": lambda: torch.zeros(3).to(torch.float8_e4m3fn),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "quantised": lambda: torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8),
    "meta": lambda: torch.empty(3, device="meta"),
    "expanded": lambda: torch.zeros(1).expand(10**12),
    "complex": lambda: torch.zeros(3, dtype=torch.complex64),
    "parameter": lambda: torch.nn.Parameter(torch.zeros(3)),
    "bytearray": lambda: bytearray(10),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", ODD_WEIGHTS)
def test_a_foreign_weight_is_refused_and_other_files_listed(tiny_checkpoint: Path, kind: str):
    content = read_checkpoint(tiny_checkpoint)
    odd = tiny_checkpoint.with_name(f"{kind}.pth")
    torch.save({**content, "weights": {**content["weights"], "odd": ODD_WEIGHTS[kind]()}}, odd)
    for read in (describe, load_model):
        with pytest.raises(CheckpointError):
            read(odd)
    assert [info.path.name for info in list_checkpoints(odd.parent)] == ["vocals.pth"]


def repack(source: Path, destination: Path, compression: int) -> None:
    """Copy an archive with another compression."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(destination, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


def test_an_archive_larger_than_its_stated_size_is_refused(tiny_checkpoint: Path, tmp_path: Path):
    content = read_checkpoint(tiny_checkpoint)
    torch.save({**content, "bomb": torch.zeros(10**6)}, tmp_path / "loose.pth")
    repack(tmp_path / "loose.pth", tmp_path / "bomb.pth", zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="compressed"):
        describe(tmp_path / "bomb.pth")
    repack(tmp_path / "loose.pth", tmp_path / "same.pth", zipfile.ZIP_STORED)
    assert describe(tmp_path / "same.pth").targets == ("vocals",), "the packing alone is no reason"


def test_two_entries_over_the_same_bytes_are_refused(tiny_checkpoint: Path, tmp_path: Path):
    with zipfile.ZipFile(tiny_checkpoint, "a") as archive:
        biggest = max(archive.infolist(), key=lambda info: info.file_size)
        for number in range(1000):
            twin = copy.copy(biggest)
            twin.filename = twin.orig_filename = f"archive/data/x{number}"
            archive.filelist.append(twin)
        archive._didModify = True  # type: ignore[attr-defined]
    with pytest.raises(CheckpointError, match="damaged"):
        describe(tiny_checkpoint)


def test_a_run_that_vanishes_is_no_reason_to_stop(tiny_checkpoint: Path):
    (tiny_checkpoint.parent / "gone").mkdir()
    (tiny_checkpoint.parent / "gone" / "best_model.pth").symlink_to("nowhere")
    assert [info.path.name for info in list_checkpoints(tiny_checkpoint.parent)] == ["vocals.pth"]

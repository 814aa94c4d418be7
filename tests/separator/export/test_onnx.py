"""An exported model separates as the checkpoint does, describes itself, and nothing but such a file is run."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.api import Separator
from separator.errors import CheckpointError, ConfigError, SeparatorError
from separator.export import export_onnx
from separator.inference.compile import compile_for_inference, load_for_inference
from separator.inference.onnx_model import OnnxModel, read_onnx
from separator.live import LiveSeparator
from separator.metrics import sdr
from separator.model import CRNN, CompactConfig, DualPathConfig, ModelConfig, load_model, save_checkpoint

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
CPU = torch.device("cpu")
COMPACT = CompactConfig(channels=(2, 2, 2, 2), gru_input=12, gru_hidden=8)
PLAIN = CompactConfig(channels=(2, 2, 2, 2), gru_input=0, gru_hidden=4, refine=False, time_strides=(1, 1, 1, 1))
DUAL_PATH = replace(DualPathConfig(), channels=(2, 3, 4, 5), gru_hidden=4, local_channels=3)
FOUR_STEMS = replace(DualPathConfig.four_stems(), channels=(2, 3, 4, 5), gru_hidden=4, local_channels=0)


def write_pair(folder: Path, config: ModelConfig) -> tuple[Path, Path]:
    """A checkpoint of random weights and statistics, and what it is exported to."""
    torch.manual_seed(0)
    model = CRNN(config).eval()
    for name, value in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    save_checkpoint(folder / "model.pth", model, {"run_name": "노래", "terms": "for tests only"})
    return folder / "model.pth", export_onnx(folder / "model.pth", folder / "model.onnx")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_pair(tmp_path_factory.mktemp("pair"), COMPACT)


@pytest.fixture
def changed(pair: tuple[Path, Path], tmp_path: Path) -> Callable[..., Path]:
    """Writes the exported model after a change to its protobuf."""

    def write(change: Callable[[onnx.ModelProto], object]) -> Path:
        content = onnx.load(pair[1])
        change(content)
        path = tmp_path / "changed.onnx"
        path.write_bytes(content.SerializeToString())
        return path

    return write


def metadata_of(content: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in content.metadata_props}


@pytest.mark.slow
@pytest.mark.parametrize("config", [COMPACT, PLAIN, DUAL_PATH, FOUR_STEMS])
def test_masks_and_state_are_the_models(config: ModelConfig, tmp_path: Path):
    checkpoint, exported = write_pair(tmp_path, config)
    model, network = load_model(checkpoint), compile_for_inference(load_for_inference(exported), CPU)
    state = exported_state = None
    with torch.inference_mode():
        for frames in (64, 32, 192, 101, 1):  # a stream: each goes on from the states of the one before
            magnitude = 3 * torch.rand(1, config.stft.n_bins, frames)
            masks, state = model(magnitude, state, 32)
            exported_masks, exported_state = network(magnitude, exported_state, 32)
            for own, other in zip([masks, *state], [exported_masks, *exported_state], strict=True):
                assert own.shape == other.shape
                assert sdr(own.flatten()[None], other.flatten()[None]) > 80


def test_metadata_describe_the_model(pair: tuple[Path, Path]):
    metadata = read_onnx(pair[1]).metadata
    values = {name: json.loads(value) for name, value in metadata.items() if name != "license"}
    assert ModelConfig.from_dict(values["model"]) == COMPACT
    assert (values["targets"], values["stems"]) == (["vocals"], ["vocals", "accompaniment"])
    assert values["training"]["run_name"] == "노래"
    assert metadata["license"] == "for tests only"
    assert values["stft"].items() >= {"sample_rate": 22050, "n_fft": 1024, "hop_length": 256}.items()
    assert values["states"] == [[8], [8], [8]]
    assert "live_delays" not in values


def test_file_holds_no_path_of_this_machine(pair: tuple[Path, Path]):
    content = pair[1].read_bytes()
    assert str(Path(__file__).parents[3]).encode() not in content
    assert b"site-packages" not in content
    assert onnx.load(pair[1]).producer_name == "sori"


@pytest.mark.slow
def test_separator_and_live_separator_take_it(pair: tuple[Path, Path], noise: Callable[..., Tensor]):
    song = noise(3 * 22050)
    expected, stems = (Separator.from_checkpoint(path, "cpu").separate(song, 22050) for path in pair)
    assert stems.keys() == expected.keys()
    assert sdr(expected["vocals"], stems["vocals"]) > 60
    first, second = (LiveSeparator(path, 0.5, sample_rate=22050).push(song)["vocals"] for path in pair)
    assert sdr(first, second) > 60


def test_shifts_take_it(pair: tuple[Path, Path], noise: Callable[..., Tensor]):
    song = noise(22050)
    expected, stems = (Separator.from_checkpoint(path, "cpu", tta=True).separate(song, 22050) for path in pair)
    assert sdr(expected["vocals"], stems["vocals"]) > 60


def test_a_graph_that_differs_is_not_written(pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("separator.export.onnx.TOLERANCE_DB", -1000.0)
    with pytest.raises(SeparatorError, match="differs from the model by"):
        export_onnx(pair[0], tmp_path / "out.onnx")
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match="pip install onnx onnxruntime"):
        export_onnx(pair[0], tmp_path / "out.onnx")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="pip install onnx onnxruntime"):
        Separator.from_checkpoint(pair[1])


def test_what_is_no_exported_model_is_refused(pair: tuple[Path, Path], tmp_path: Path):
    content = pair[1].read_bytes()
    for name, data in {"empty": b"", "text": b"no model at all", "half": content[: len(content) // 2]}.items():
        (tmp_path / f"{name}.onnx").write_bytes(data)
        with pytest.raises(CheckpointError, match=name):
            read_onnx(tmp_path / f"{name}.onnx")
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(CheckpointError, match="no model file"):
            read_onnx(path)


def set_metadata(**values: str) -> Callable[[onnx.ModelProto], None]:
    def change(content: onnx.ModelProto) -> None:
        onnx.helper.set_model_props(content, metadata_of(content) | values)

    return change


def add_constant(content: onnx.ModelProto) -> None:
    huge = onnx.helper.make_tensor("huge", onnx.TensorProto.INT64, [2], [1 << 30, 1 << 30])
    content.graph.node.add(op_type="ConstantOfShape", input=["huge"], output=["none"])
    content.graph.initializer.append(huge)


def move_weights_out(content: onnx.ModelProto) -> None:
    tensor = content.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "../../etc/passwd")


def forget_a_weight(content: onnx.ModelProto) -> None:
    tensor = next(x for x in content.graph.initializer if x.data_type == onnx.TensorProto.FLOAT)
    tensor.raw_data = b"\xff" * len(tensor.raw_data)  # NaN


def claim_more(content: onnx.ModelProto) -> None:
    content.graph.initializer[0].dims[0] = 1 << 18


HOSTILE = {
    "another program": lambda content: content.ClearField("metadata_props"),
    "update Sori": set_metadata(format_version="99"),
    "of another program": set_metadata(format_version="one"),
    "more than 10000 characters": set_metadata(license="x" * 20_000),
    "cannot build": set_metadata(model="[" * 9_000),
    "gru_hidden": set_metadata(model=json.dumps({"gru_hidden": 10**9})),
    "no list of named values": set_metadata(training="[]"),
    "other inputs or outputs": set_metadata(model=json.dumps(DUAL_PATH.to_dict())),
    "outputs than": lambda content: content.graph.output.pop(),
    "Loop": lambda content: content.graph.node.add(op_type="Loop"),
    "org.evil": lambda content: content.graph.node.add(op_type="Add", domain="org.evil"),
    "functions or operators": lambda content: content.functions.add(name="f"),
    "other files": move_weights_out,
    "larger than those": add_constant,
    "larger than the model": lambda content: content.graph.initializer.add(raw_data=bytes(5_000_000)),
    "not between 0 and 1": forget_a_weight,
    "cannot be run": claim_more,
    "cannot be run: ": lambda content: content.graph.node.pop(0),
}


@pytest.mark.parametrize("sentence", list(HOSTILE))
def test_foreign_and_hostile_files_are_refused(changed: Callable[..., Path], sentence: str):
    path = changed(HOSTILE[sentence])
    with pytest.raises(CheckpointError, match=sentence) as refusal:
        Separator.from_checkpoint(path)
    assert "changed.onnx" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_nothing_is_run_to_read_it(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("onnxruntime.InferenceSession", None)
    model = read_onnx(pair[1])
    assert isinstance(model, OnnxModel)
    assert model.config == COMPACT

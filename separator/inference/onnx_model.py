"""Models exported to ONNX: read, checked for what they claim, and run by ONNX Runtime on the CPU.

A file is parsed as data first. Only graphs of plain layers with their weights inside, with the inputs and outputs that
their own metadata describes, reach the runtime: ``separator.export.onnx`` documents both.
"""

import importlib.util
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from separator.errors import CheckpointError, ConfigError
from separator.model.checkpoint_limits import MOST_TEXT, check_record
from separator.model.config import ModelConfig
from separator.model.crnn import CRNN
from separator.model.joined import JoinedModel
from separator.model.recurrent import State

if TYPE_CHECKING:
    import onnx

SUFFIX = ".onnx"
FORMAT_VERSION = 2
"""1 before several models could be one file; files of one are still written as such."""
MOST_MODELS = 16
"""In one file."""
OPERATORS = {
    *("Conv", "ConvTranspose", "GRU", "MatMul", "Gemm", "BatchNormalization", "LayerNormalization", "ReduceMean"),
    *("Add", "Sub", "Mul", "Div", "Mod", "Neg", "Pow", "Sqrt", "Log", "Relu", "LeakyRelu", "Sigmoid", "Softmax"),
    *("Cast", "Concat", "Constant", "ConstantOfShape", "Equal", "Expand", "Flatten", "Gather", "Identity", "Pad"),
    *("Reshape", "Shape", "Slice", "Squeeze", "Transpose", "Unsqueeze", "Where"),
}
"""All that layers of a CRNN become. None has code, files or a graph of its own."""
PLAIN_ATTRIBUTES = {1, 2, 3, 4, 6, 7, 8}
"""``AttributeProto.AttributeType``: a number, text or tensor, or several numbers or texts; no graph."""
MOST_NUMBER = 1 << 20
"""Of the sizes and places in a graph."""
END_OF_AXIS = 2**63 - 2
"""The first of the numbers that stand for the end of an axis, wherever that is."""
MOST_BYTES = 2**31 - 1
"""Of a file: protobuf takes no more."""
MOST_STRUCTURE_BYTES = 4_000_000
"""Of a file beside its weights: some 100 kB for a shipped model."""


@dataclass(frozen=True)
class OnnxModel:
    """A file that was checked, not yet loaded."""

    path: Path
    config: ModelConfig
    state_shapes: tuple[tuple[int, ...], ...]
    metadata: dict[str, str]
    content: bytes = field(repr=False)
    """Of the whole file, as it was when it was checked."""


def read_onnx(path: Path | str) -> OnnxModel:
    """What an exported model's metadata describe, after the graph was checked against it; nothing of it is run.

    Raises:
        CheckpointError: missing, damaged, foreign, too new, or with a graph that Sori never writes.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"there is no model file {path}; write one with export.py, or give another --model_path")
    _require("onnx", path)
    _require("onnxruntime", path)
    content = _read(path)
    graph = _parse(path, content)
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    configs = _read_configs(path, metadata)
    try:
        with torch.device("meta"):  # takes no memory
            model = JoinedModel([CRNN(config) for config in configs])
            shapes = tuple(tuple(state.shape[1:]) for state in model.empty_state())
    except (RuntimeError, ValueError, TypeError, LookupError, ConfigError) as error:
        raise CheckpointError(f"{path} describes a model that this Sori cannot build: {error}") from error
    if len(content) > 4 * model.n_weights() + MOST_STRUCTURE_BYTES:
        raise CheckpointError(f"{path} is larger than the model that it describes")
    _check_graph(path, graph)
    _check_interface(path, graph, model.config, shapes)
    return OnnxModel(path, model.config, shapes, metadata, content)


class OnnxNetwork:
    """A network run by ONNX Runtime, with as many threads as torch has."""

    def __init__(self, model: OnnxModel) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # errors are raised, not printed
        self._model = model
        self._inputs = name_inputs(len(model.state_shapes))
        self._lock = threading.Lock()  # a session serves one caller at a time, and uses all threads
        try:
            self._session = onnxruntime.InferenceSession(model.content, options, ["CPUExecutionProvider"])
            frames = 2 * model.config.fold
            masks, _ = self(torch.zeros(1, model.config.stft.n_bins, frames), None, model.config.time_factor)
        except CheckpointError:
            raise
        except Exception as error:  # ONNX Runtime has a class of error for each status
            raise CheckpointError(f"{model.path} cannot be run: {_first_line(error)}") from error
        if masks.shape != (1, len(model.config.targets), model.config.stft.n_bins, frames):
            raise CheckpointError(f"{model.path} gives masks of shape {tuple(masks.shape)}, not those it describes")
        if not (masks.min() >= 0 and masks.max() <= 1):
            raise CheckpointError(f"{model.path} gives no masks: they are not between 0 and 1")

    def __call__(self, magnitude: Tensor, state: State | None, hop: int) -> tuple[Tensor, State]:
        """As ``CRNN.forward``; masks and state are returned where the magnitude lies."""
        values = list_inputs(magnitude, state, hop, self._model.config.input_channels, self._model.state_shapes)
        feeds = dict(zip(self._inputs, values, strict=True))
        try:
            with self._lock:
                masks, *ends = map(torch.from_numpy, self._session.run(None, feeds))
        except Exception as error:
            raise CheckpointError(f"{self._model.path} cannot be run: {_first_line(error)}") from error
        return masks.mT.to(magnitude.device), tuple(ends)


def list_inputs(
    magnitude: Tensor, state: State | None, hop: int, channels: int, state_shapes: Sequence[Sequence[int]]
) -> list[NDArray[Any]]:
    """Values of a graph's inputs, in order, from the arguments of ``CRNN.forward``."""
    if magnitude.ndim == 3:
        magnitude = magnitude.unsqueeze(1).expand(-1, channels, -1, -1)
    if state is None:
        state = tuple(torch.zeros(len(magnitude), *shape) for shape in state_shapes)
    return [x.cpu().contiguous().numpy() for x in (magnitude.mT, torch.tensor(hop), *state)]


def name_inputs(states: int) -> list[str]:
    """Of a graph, in order."""
    return ["magnitude", "hop", *(f"state_{i}" for i in range(states))]


def name_outputs(states: int) -> list[str]:
    """Of a graph, in order."""
    return ["masks", *(f"state_{i}_out" for i in range(states))]


def list_shapes(config: ModelConfig, states: tuple[tuple[int, ...], ...]) -> dict[str, list[int | str]]:
    """Shape of each input and output of a graph; names stand for sizes that are free."""
    bins = config.stft.n_bins
    shapes: dict[str, list[int | str]] = {
        "magnitude": ["batch", config.input_channels, "frames", bins],
        "hop": [],
        "masks": ["batch", len(config.targets), "frames", bins],
    }
    for i, shape in enumerate(states):
        shapes[f"state_{i}"] = shapes[f"state_{i}_out"] = ["batch", *shape]
    return shapes


def _require(package: str, path: Path) -> None:
    if importlib.util.find_spec(package) is None:
        raise CheckpointError(f"{path} needs the package {package}, which is missing: pip install onnx onnxruntime")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CheckpointError(f"{path} is larger than any ONNX file can be")
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error


def _parse(path: Path, content: bytes) -> "onnx.ModelProto":
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load_from_string(content)
    except (DecodeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or is not an ONNX file: {_first_line(error)}") from error


def _read_configs(path: Path, metadata: dict[str, str]) -> list[ModelConfig]:
    version = metadata.get("format_version", "")
    if not {"format_version", "model", "training"} <= metadata.keys() or not version.isdecimal():
        raise CheckpointError(
            f"{path} is an ONNX file of another program; only those that export.py writes can be used"
        )
    if len(version) > 9 or int(version) > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version[:9]}; this Sori reads up to {FORMAT_VERSION}: update Sori to use it"
        )
    if any(len(value) > MOST_TEXT for value in metadata.values()):
        raise CheckpointError(f"{path} is damaged: an entry of its metadata has more than {MOST_TEXT} characters")
    try:
        record: Any = json.loads(metadata["training"])
        described = json.loads(metadata.get("models", f"[{metadata['model']}]"))[:MOST_MODELS]
        configs = [ModelConfig.from_dict(one) for one in described]
    except (ConfigError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        raise CheckpointError(f"{path} describes a model that this Sori cannot build: {error}") from error
    if not isinstance(record, dict):
        raise CheckpointError(f"{path} is damaged: its training record is no list of named values")
    check_record(path, record)
    return configs


def _check_graph(path: Path, content: "onnx.ModelProto") -> None:
    """Refuse what brings code, files or graphs of its own, or numbers that only ask for memory."""
    import onnx

    graph = content.graph
    if content.functions or any(opset.domain not in ("", "ai.onnx") for opset in content.opset_import):
        raise CheckpointError(f"{path} brings functions or operators of its own, which no model of Sori's has")
    foreign = {node.op_type for node in graph.node} - OPERATORS
    foreign |= {node.domain for node in graph.node} - {"", "ai.onnx"}
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    if foreign or graph.sparse_initializer or not {attribute.type for attribute in attributes} <= PLAIN_ATTRIBUTES:
        names = ", ".join(sorted(foreign))[:80] or "a graph or sparse weights inside"
        raise CheckpointError(f"{path} has {names}, which no model of Sori's has")
    tensors = [*graph.initializer, *(attribute.t for attribute in attributes if attribute.HasField("t"))]
    for tensor in tensors:
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise CheckpointError(f"{path} keeps weights in other files; a model of Sori's is one file")
    try:
        whole_numbers = [onnx.numpy_helper.to_array(x) for x in tensors if x.data_type == onnx.TensorProto.INT64]
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {_first_line(error)}") from error
    listed = [number for attribute in attributes for number in attribute.ints]
    if any(MOST_NUMBER < abs(int(n)) < END_OF_AXIS for n in [*listed, *(n for x in whole_numbers for n in x.flat)]):
        raise CheckpointError(f"{path} asks for a tensor that is larger than those of any model of Sori's")


def _check_interface(
    path: Path, content: "onnx.ModelProto", config: ModelConfig, states: tuple[tuple[int, ...], ...]
) -> None:
    values = [*content.graph.input, *content.graph.output]
    found = [(value.name, _describe_value(value)) for value in values]
    shapes = list_shapes(config, states)
    expected = [
        (name, _describe("INT64" if name == "hop" else "FLOAT", shapes[name]))
        for name in [*name_inputs(len(states)), *name_outputs(len(states))]
    ]
    if found != expected:
        wrong = next(
            (pair for pair in [*expected, *found] if (pair in found) != (pair in expected)), ("their order", "")
        )
        raise CheckpointError(
            f"{path} has other inputs or outputs than the model it describes: {' '.join(wrong)[:120]}"
        )


def _describe_value(value: "onnx.ValueInfoProto") -> str:
    import onnx

    tensor = value.type.tensor_type
    shape: list[int | str] = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
    return _describe(onnx.TensorProto.DataType.Name(tensor.elem_type), shape)


def _describe(kind: str, shape: list[int | str]) -> str:
    return f"{kind}[{', '.join(map(str, shape))}]"


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]

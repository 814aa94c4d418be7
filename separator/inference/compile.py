"""A network made ready for where it runs: OpenVINO on CPUs, in float32, and torch elsewhere.

Converting a network takes a second or more, so what OpenVINO compiled is kept in the user's cache folder, under a hash
of everything that it was made from.
"""

import copy
import functools
import hashlib
import importlib.util
import json
import os
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from separator.files import atomic_write
from separator.inference.onnx_model import SUFFIX, OnnxModel, OnnxNetwork, list_inputs, read_onnx
from separator.model import crnn
from separator.model.checkpoint import load_model
from separator.model.joined import JoinedModel
from separator.model.recurrent import State

if TYPE_CHECKING:
    import openvino

Model = crnn.CRNN | JoinedModel
Network = Callable[[Tensor, Any, int], tuple[Tensor, Any]]
"""``network(magnitude, state, hop) -> (masks, state)``, as ``CRNN.forward``; the caller carries the state."""
MOST_CACHED = 8
"""Compiled networks kept, some 16 MB each; the least recently used goes first."""


def load_for_inference(path: Path | str) -> crnn.CRNN | OnnxModel:
    """A checkpoint's model, or an exported one, told apart by the suffix. Raises CheckpointError."""
    return read_onnx(path) if Path(path).suffix.lower() == SUFFIX else load_model(path)


def compile_for_inference(model: Model | OnnxModel, device: torch.device) -> Network:
    """A copy of a model, fixed and ready to run on a device; masks are returned where the magnitude lies.

    On CPUs that OpenVINO supports it runs there, otherwise in torch; masks differ by rounding, 1e-6 at most. A model in
    ONNX runs in ONNX Runtime on the CPU, whatever the device.
    """
    if isinstance(model, OnnxModel):
        return OnnxNetwork(model)
    if device.type == "cpu" and importlib.util.find_spec("openvino") is not None:
        return OpenVinoNetwork(model)
    fixed = copy.deepcopy(model).eval().to(device)

    def run(magnitude: Tensor, state: State | None, hop: int) -> tuple[Tensor, State]:
        masks, state = fixed(magnitude.to(device), state, hop)
        return masks.to(magnitude.device), state

    return run


class OpenVinoNetwork:
    """A network compiled by OpenVINO for this CPU, with as many threads as torch has."""

    def __init__(self, model: Model) -> None:
        self._state_shapes = tuple(tuple(state.shape[1:]) for state in model.empty_state())
        self._input_channels = model.config.input_channels
        self._request = _load_or_compile(model).create_infer_request()
        self._lock = threading.Lock()  # a request serves one caller at a time, and uses all threads

    def __call__(self, magnitude: Tensor, state: State | None, hop: int) -> tuple[Tensor, State]:
        inputs = list_inputs(magnitude, state, hop, self._input_channels, self._state_shapes)
        with self._lock:
            outputs = self._request.infer(inputs, share_inputs=True)
        masks, *ends = (torch.from_numpy(outputs[i]) for i in range(1 + len(self._state_shapes)))
        return masks.mT, tuple(ends)


class BinsLast(torch.nn.Module):
    """A network whose spectrograms have bins innermost, as they are in memory, and whose state is flat."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, magnitude: Tensor, hop: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        masks, state = self.model(magnitude.transpose(-2, -1), state, hop)
        return (masks.transpose(-2, -1), *state)


def make_example(model: Model) -> tuple[Tensor, ...]:
    """Inputs of ``BinsLast`` to trace it with."""
    config = model.config
    magnitude = torch.rand(1, config.input_channels, 2 * config.fold, config.stft.n_bins)
    return magnitude, torch.tensor(config.fold), *model.empty_state()


def _import_openvino() -> Any:
    """OpenVINO without the package by which it would report each import to a server."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as if it were not installed
    import openvino

    return openvino


@functools.cache
def _core() -> "openvino.Core":
    """The process's only one, never freed: it gives the thread that makes it a signal stack for processors with AMX.

    Freed by another thread, it would take the stack away from a thread that goes on with it, and whose next signal
    then ends the process without a word (OpenVINO 2026.4).
    """
    return _import_openvino().Core()


def _load_or_compile(model: Model) -> "openvino.CompiledModel":
    core = _core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    path = cache_folder() / f"{_hash_of(model)}.blob"
    with suppress(OSError, RuntimeError):  # absent, unreadable or damaged
        compiled = core.import_model(path.read_bytes(), "CPU", options)
        path.touch()
        return compiled
    compiled = core.compile_model(_convert(model), "CPU", options)
    with suppress(OSError):  # no room, or no right to write: it is converted again the next time
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            part.write_bytes(compiled.export_model().getvalue())
        _remove_oldest(path.parent)
    return compiled


def _convert(model: Model) -> "openvino.Model":
    """Through OpenVINO's frontend itself: ``openvino.convert_model`` reports its use to a server, and is slower."""
    openvino = _import_openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = make_example(model)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, but what OpenVINO reads
        traced = torch.jit.trace(BinsLast(copy.deepcopy(model).eval().cpu()), example, check_trace=False)
    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced)  # has to live as long as the graph
    graph = frontend.load(decoder)
    for place, value in zip(graph.get_inputs(), example, strict=True):
        free = {0: -1, 2: -1} if value.ndim == 4 else {0: -1}  # batch and frames
        shape = [free.get(axis, size) for axis, size in enumerate(value.shape)]
        graph.set_partial_shape(place, openvino.PartialShape(shape))
        graph.set_element_type(place, openvino.Type.f32 if value.is_floating_point() else openvino.Type.i64)
    return frontend.convert(graph)


def _hash_of(model: Model) -> str:
    processor = _core().get_property("CPU", "FULL_DEVICE_NAME")
    version = _import_openvino().__version__
    configs = [part.config.to_dict() for part in (model.parts if isinstance(model, JoinedModel) else [model])]
    digest = hashlib.sha256(json.dumps([version, processor, configs]).encode())
    for source in sorted(Path(crnn.__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    for name, value in model.state_dict().items():
        digest.update(name.encode() + np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return digest.hexdigest()[:32]


def cache_folder() -> Path:
    """Where this user's programs keep what can be made again, and Sori its compiled networks."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        home = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
        base = os.environ.get("XDG_CACHE_HOME") or home
    return Path(base) / "sori" / "networks"


def _remove_oldest(folder: Path) -> None:
    for path in sorted(folder.glob("*.blob"), key=lambda path: path.stat().st_mtime)[:-MOST_CACHED]:
        path.unlink(missing_ok=True)

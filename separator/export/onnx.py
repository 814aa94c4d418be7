"""A model as one ONNX file, for any program that separates with it, streaming included.

The graph is a ``CRNN`` in evaluation mode, in float32, opset 17:

    magnitude     float32 (batch, C, frames, F)   |STFT| of a song at the input level; C is 1 (mono downmix) or 2
    hop           int64 scalar                    frames after which the states are taken, a multiple of ``time_factor``
    state_<i>     float32 (batch, ...)            of the GRUs that run forward in time; zeros at the start of a song
    masks         float32 (batch, S, frames, F)   in [0, 1], one per target, for the song's own complex STFT
    state_<i>_out float32 (batch, ...)            for the segment that begins ``hop`` frames later

Any number of frames is taken; one that is no multiple of ``fold`` is filled up with silence. Metadata, JSON but for the
plain texts:

    format_version   "1", of several models as one "2"
    targets, stems   names: of the masks, and of all stems with what the targets leave over as the last
    model            the whole ``ModelConfig``; of several that of the first, with the targets of all
    models           only of several: the ``ModelConfig`` of each
    stft             sample_rate, n_fft, hop_length, window (periodic Hann), centred and reflected at the ends
    level            dbfs: RMS level that each channel is brought to on its way in (``separator.inference.levels``)
    expander         threshold_db, ratio, window_seconds (``separator.inference.expander``)
    segmentation     hop, context, lookahead, fade in frames (``separator.inference.overlap_add``)
    fold, time_factor, states   frames the layers take as one; frames of one GRU step; shapes of the states
    training         the training record
    license          plain text: the terms of use of the weights
    opset            "17"
    live_delays      only where measured: delay_seconds, sdr_db and change_db (against offline) on the demo song
"""

import copy
import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

import separator
from separator.errors import ConfigError, SeparatorError
from separator.export.delays import find_shipped_delays
from separator.files import atomic_write, explain_os_error
from separator.inference import expander
from separator.inference.compile import BinsLast, Model, make_example
from separator.inference.levels import LEVEL_DBFS
from separator.inference.onnx_model import list_shapes, name_inputs, name_outputs, read_onnx
from separator.inference.output import name_stems
from separator.inference.overlap_add import Segmentation
from separator.model.checkpoint import describe
from separator.model.joined import JoinedModel, load_joined

if TYPE_CHECKING:
    import onnx

OPSET = 17
TOLERANCE_DB = -80.0
"""Largest difference of masks and states from the model's own, relative to them."""


def export_onnx(
    model_path: Path | str | Sequence[Path | str],
    output: Path | str,
    *,
    live_delays: list[dict[str, float]] | None = None,
) -> Path:
    """Write a checkpoint's model as ONNX, after its masks and states were compared with the model's own; several
    checkpoints become one.

    ``live_delays`` are those of ``measure_delays``; those of shipped models are known.

    Raises CheckpointError for a checkpoint that cannot be used, ConfigError where a package is missing or several
    models cannot be one, SeparatorError where the graph differs from the model or the file cannot be written.
    """
    output = Path(output)
    require_packages()
    paths = list_paths(model_path)
    model = load_joined(paths)
    metadata = make_metadata(model, _join_records([describe(path).training for path in paths]))
    live_delays = live_delays or find_shipped_delays(paths)
    if live_delays:
        metadata["live_delays"] = json.dumps(live_delays)
    content = _convert(model, metadata)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(output) as part:
            part.write_bytes(content.SerializeToString())
            read_onnx(part)  # what is written has to be what is read
            compare(model, part)
    except OSError as error:
        raise SeparatorError(f"cannot write {output}: {explain_os_error(error, output)}") from error
    return output


def require_packages() -> None:
    """Raises ConfigError where the packages that an export needs are missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"Exporting needs {error.name}, which is missing: pip install onnx onnxruntime") from error


def make_metadata(model: Model, training: dict[str, Any]) -> dict[str, str]:
    """What a host needs to separate with a model; the module's docstring lists the entries."""
    config = model.config
    stft = {
        "sample_rate": config.stft.sample_rate,
        "n_fft": config.stft.n_fft,
        "hop_length": config.stft.hop_length,
        "window": "hann_periodic",
        "center": True,
        "pad_mode": "reflect",
    }
    segmentation = Segmentation.for_model(config)
    values = {
        "targets": list(config.targets),
        "stems": list(name_stems(config.targets)),
        "model": config.to_dict(),
        "stft": stft,
        "level": {"dbfs": LEVEL_DBFS},
        "expander": {
            "threshold_db": expander.THRESHOLD_DB,
            "ratio": expander.RATIO,
            "window_seconds": expander.WINDOW_SECONDS,
        },
        "segmentation": {name: getattr(segmentation, name) for name in ("hop", "context", "lookahead", "fade")},
        "fold": config.fold,
        "time_factor": config.time_factor,
        "states": [list(state.shape[1:]) for state in model.empty_state()],
        "training": training,
    }
    texts = {"format_version": "1", "opset": str(OPSET)}
    if isinstance(model, JoinedModel):
        values["models"] = [part.config.to_dict() for part in model.parts]
        texts["format_version"] = "2"
    texts["license"] = str(training.get("terms", "not stated by the one who trained the model"))
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()} | texts


def list_paths(model_path: Path | str | Sequence[Path | str]) -> list[Path]:
    """One path or several, as a list."""
    return [Path(model_path)] if isinstance(model_path, (str, Path)) else [Path(path) for path in model_path]


def _join_records(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The training record of one model, or of several what a page shows: the newest date, and all terms."""
    if len(records) == 1:
        return records[0]
    joined = {"date": max(str(record.get("date", "")) for record in records)}
    terms = dict.fromkeys(str(record["terms"]) for record in records if "terms" in record)
    return joined | ({"terms": "; ".join(terms)} if terms else {})


def _convert(model: Model, metadata: dict[str, str]) -> "onnx.ModelProto":
    import onnx

    states = model.empty_state()
    inputs, outputs = name_inputs(len(states)), name_outputs(len(states))
    shapes = list_shapes(model.config, tuple(tuple(state.shape[1:]) for state in states))
    free = {
        name: {axis: size for axis, size in enumerate(shape) if isinstance(size, str)} for name, shape in shapes.items()
    }
    buffer = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # torch.export unrolls a GRU over the example's frames; the tracer keeps it as one operator.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            BinsLast(copy.deepcopy(model).eval().cpu()),
            make_example(model),
            buffer,  # type: ignore[arg-type]  # that the tracer takes
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: axes for name, axes in free.items() if axes},
            opset_version=OPSET,
            dynamo=False,
        )
    content = onnx.load_from_string(buffer.getvalue())
    for value in [*content.graph.input, *content.graph.output]:  # the tracer leaves some sizes without a value
        value.CopyFrom(
            onnx.helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, shapes[value.name])
        )
    content.producer_name, content.producer_version = "sori", separator.__version__
    onnx.helper.set_model_props(content, metadata)
    onnx.checker.check_model(content, full_check=True)
    return content


def compare(model: Model, path: Path) -> float:
    """The largest difference in dB of a file's masks and states from the model's, over two segments with their state.

    Raises SeparatorError where it is above ``TOLERANCE_DB``.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    names = name_inputs(len(model.empty_state()))
    config, reference = model.config, BinsLast(copy.deepcopy(model).eval().cpu())
    noise = torch.Generator().manual_seed(0)
    worst = -float("inf")
    for batch, lengths in ((1, (4, 7)), (2, (3,))):  # in folds
        own: list[Tensor] = [state.expand(batch, *state.shape[1:]) for state in model.empty_state()]
        exported = [state.numpy() for state in own]
        for folds in lengths:
            shape = batch, config.input_channels, folds * config.fold, config.stft.n_bins
            magnitude = 4 * torch.randn(shape, generator=noise).abs()
            hop = torch.tensor(2 * config.fold)
            with torch.no_grad():
                masks, *own = reference(magnitude, hop, *own)
            feeds = dict(zip(names, [magnitude.numpy(), hop.numpy(), *exported], strict=True))
            other, *exported = session.run(None, feeds)
            pairs = zip([masks, *own], [other, *exported], strict=True)
            worst = max(worst, *(_difference_db(a.numpy(), b) for a, b in pairs))
    if not worst <= TOLERANCE_DB:
        raise SeparatorError(
            f"The exported graph differs from the model by {worst:.0f} dB (at most {TOLERANCE_DB:.0f} dB is allowed), "
            "so nothing was written."
        )
    return worst


def _difference_db(reference: np.ndarray, other: np.ndarray) -> float:
    error = np.square(reference - other, dtype=np.float64).sum()
    return float(10 * np.log10((error + 1e-30) / (np.square(reference, dtype=np.float64).sum() + 1e-15)))

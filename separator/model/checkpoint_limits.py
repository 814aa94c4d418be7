"""What a model file may claim: checked before anything that it claims is believed or takes memory."""

import math
import pickletools
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from separator.errors import CheckpointError

MOST_PICKLE_BYTES = 2_000_000
"""Of the structure around the tensors: some 50 kB for a model, 300 kB with all that a training needs to go on."""
MOST_TEXT = 10_000
"""Characters of one text in a training record."""
STORAGES = ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Short", "Char", "Byte", "Bool")
GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    *(f"torch {name}Storage" for name in STORAGES),
}
"""All that a file written by Sori names. PyTorch's safe reader takes more: sparse, quantised and empty tensors, and
byte arrays of any size."""
PLAIN_TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64)


def check_archive(path: Path) -> None:
    """Refuse an archive that would unpack to more than its own size, or that names anything but plain tensors.

    Raises:
        BadZipFile, OSError: it is no ZIP archive, or claims more than the file holds.
        UnpicklingError: it names something that Sori never writes.
    """
    with path.open("rb") as file:
        if file.read(1) == b"\x80":
            raise UnpicklingError("a bare pickle")
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise zipfile.BadZipFile("it is compressed, and a model file never is")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise zipfile.BadZipFile("it claims to hold more bytes than the file has")
        for member in members:
            if member.filename.endswith("data.pkl"):
                _check_pickle(archive, member)


def check_weights(path: Path, weights: Mapping[Any, Any]) -> None:
    """Refuse weights that are not plain, dense, finite tensors that the file holds in full.

    Raises CheckpointError naming the weight.
    """
    left = path.stat().st_size
    for name, value in weights.items():
        if not isinstance(name, str) or not _is_plain(value):
            raise CheckpointError(f"{path} is damaged: its weight {shorten(name)} is no plain tensor of numbers")
        size = value.numel() * value.element_size()
        left -= size
        if left < 0 or size > value.untyped_storage().nbytes():
            raise CheckpointError(f"{path} is damaged: its weight {shorten(name)} claims more than the file holds")
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{path} is damaged: its weight {shorten(name)} has numbers that are not finite")


def check_record(path: Path, record: Mapping[Any, Any]) -> None:
    """Refuse a training record with numbers or texts that nothing could show. Raises CheckpointError."""
    for name, value in record.items():
        is_absurd = (
            not isinstance(name, str)
            or (isinstance(value, int) and abs(value) >= 2**63)
            or (isinstance(value, str) and len(value) > MOST_TEXT)
            or (name == "sdr_db" and isinstance(value, float) and not math.isfinite(value))
        )
        if is_absurd:
            raise CheckpointError(f"{path} is damaged: nobody could read the entry {shorten(name)} of its record")


def _check_pickle(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    if member.file_size > MOST_PICKLE_BYTES:
        raise zipfile.BadZipFile(f"the structure around its tensors takes {member.file_size} bytes")
    for opcode, argument, _ in pickletools.genops(archive.read(member)):
        if opcode.name == "STACK_GLOBAL" or (opcode.name == "GLOBAL" and argument not in GLOBALS):
            raise UnpicklingError(f"it names {argument}")


def _is_plain(value: object) -> bool:
    return (
        type(value) is torch.Tensor
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dtype in PLAIN_TYPES
    )


def shorten(value: object) -> str:
    """A value as it may stand in a sentence, whatever a stranger has put there."""
    if isinstance(value, str):
        return repr(value[:80])
    return repr(value) if isinstance(value, int) and abs(value) < 2**63 else f"of type {type(value).__name__}"

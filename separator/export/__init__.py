"""Models written for other programs."""

from separator.export.onnx import export_onnx

__all__ = ["export_onnx"]

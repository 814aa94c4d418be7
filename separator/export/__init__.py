"""Models written for other programs."""

from separator.export.html import export_html, name_models
from separator.export.onnx import export_onnx

__all__ = ["export_html", "export_onnx", "name_models"]

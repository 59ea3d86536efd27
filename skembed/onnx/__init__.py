"""ONNX: fitted estimators as graphs that run without Python."""

from skembed.onnx._export import to_onnx

__all__ = ["to_onnx"]

"""Quantises an exported half to int8: its weights, and the inputs of its linear layers, whose
ranges are those of given inputs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model.onnx_file import MISSING

Feed: TypeAlias = Mapping[str, NDArray[np.generic]]  # inputs of a half by name


def quantised(model: Any, given: Sequence[Feed]) -> Any:
    """The onnx.ModelProto of a float32 one, its linear layers in int8. Attention, normalisation
    and convolutions stay as they are.

    Weights have 7 bits, so that no processor's sums overflow: those without a dot product of bytes
    (AVX2, older AVX-512) would cut them off without a word. Raises ConfigError if a package is
    missing.
    """
    try:
        import onnx
        from onnxruntime import quantization
    except ImportError as error:
        raise ConfigError(MISSING.format(error.name)) from None
    with tempfile.TemporaryDirectory(prefix='pedsam-export-') as folder:
        path = Path(folder, 'int8.onnx')
        quantization.quantize_static(
            model,
            path,
            _reader(quantization, given),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=['Gemm', 'MatMul'],
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.MinMax,
            extra_options={'MatMulConstBOnly': True},
        )
        found = onnx.load(path)
    kept = [each for each in found.opset_import if each.domain in ('', 'ai.onnx')]
    del found.opset_import[:]
    found.opset_import.extend(kept)
    return found


def _reader(quantization: Any, given: Sequence[Feed]) -> Any:
    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc] # it wants this base
        def __init__(self) -> None:
            self.rest = iter(given)

        def get_next(self) -> Feed | None:
            return next(self.rest, None)

    return Reader()

"""An exported half of the encoder, run by ONNX Runtime in the place of torch's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import ConfigError, WeightsError
from pedsam_ros.core.model import onnx_file, parity, preprocess
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.onnx_file import INPUTS, MISSING, Exported
from pedsam_ros.core.shown import shown, written

PROVIDERS = {  # kind of device -> those that may compute on it; the first that is there does
    'cpu': ('OpenVINOExecutionProvider', 'CPUExecutionProvider'),
    'cuda': ('TensorrtExecutionProvider', 'CUDAExecutionProvider'),
}


class OnnxHalf(nn.Module):
    """A graph in the place of a WindowEncoder or a GlobalEncoder. It has no parameters."""

    def __init__(self, session: Any, half: str, onto: str, precision: str) -> None:
        super().__init__()
        self._session, self._names, self._onto = session, INPUTS[half], onto
        self.provider: str = session.get_providers()[0]
        self.precision = precision

    def forward(self, *given: Tensor) -> Tensor:
        """The inputs and the result of the encoder's `forward`, in float32."""
        pairs = zip(self._names, given, strict=True)
        found = self.run({name: each.cpu().numpy() for name, each in pairs})
        return torch.from_numpy(found).to(self._onto)

    def run(self, given: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        """The result for inputs by name."""
        found: NDArray[np.float32] = self._session.run(None, dict(given))[0]
        return found


def told_of(encoder: nn.Module) -> str:
    """What runs an encoder, and in which precision, in words."""
    if isinstance(encoder, OnnxHalf):
        return f'{encoder.provider} {encoder.precision}'
    weight = next(encoder.parameters())
    return f'torch {str(weight.dtype).removeprefix("torch.")}'


def opened(exported: Exported, half: str, weights: Weights, device: str) -> OnnxHalf:
    """An exported half of these weights, which has shown that it computes here what torch did.

    Raises WeightsError if its file is none of these weights, or if its results are wrong;
    ConfigError if ONNX Runtime is missing or has nothing for the device.
    """
    path = exported.path(half)
    packed, told = onnx_file.read(path, half, weights)
    if told.get('precision') != exported.precision:
        told_precision = written(told.get('precision'))
        raise WeightsError(f'{path}: precision={told_precision}, not {exported.precision}')
    try:
        found = session(packed, half, device, exported.precision)
        check(found, half, weights.arch, told)
    except WeightsError as error:
        raise WeightsError(f'{path}: {error}') from None
    return found


def session(packed: bytes, half: str, device: str, precision: str) -> OnnxHalf:
    """A half of a file's bytes. Raises WeightsError if ONNX Runtime cannot load it, ConfigError as
    `opened`."""
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError(MISSING.format('onnxruntime')) from None
    chosen = _providers(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    options.enable_mem_pattern = False  # it would plan for each size of a batch, and hold more
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    try:
        made = onnxruntime.InferenceSession(packed, options, providers=chosen)
    except Exception as error:  # its errors share no base of their own
        raise WeightsError(f'ONNX Runtime refuses it ({shown(error, 200)})') from None
    if made.get_providers()[0] != chosen[0][0]:
        raise ConfigError(
            f'device={written(device)}: {chosen[0][0]} did not start, {made.get_providers()[0]} '
            "would compute instead; ONNX Runtime's log says why"
        )
    return OnnxHalf(made, half, device if half == 'edge' else 'cpu', precision)


def check(found: OnnxHalf, half: str, arch: Architecture, told: Mapping[str, str]) -> float:
    """Computes what a graph's metadata names, and compares: see parity.py. Returns the error.

    Raises WeightsError if it is larger than the precision allows.
    """
    result = parity.compared(found.run(probes(half, arch, told)), half)
    expected = parity.unpacked(told, 'expected', result.shape)
    error, most = parity.error(result, expected), parity.TOLERANCES[found.precision]
    if not error <= most:
        raise WeightsError(
            f'{found.provider} differs from torch by {error:.2g} of the values; at most {most} '
            f'in {found.precision}'
        )
    return error


def probes(half: str, arch: Architecture, told: Mapping[str, str]) -> dict[str, Any]:
    """The inputs on which a half is compared, by name; those of the edge's are in the metadata.
    Raises WeightsError if they are not."""
    if half == 'edge':
        shape = (1, arch.tokens, arch.tokens, arch.dim)
        return {'tokens': parity.unpacked(told, 'tokens', shape, '<f2')}
    canvas = preprocess.on_canvas(parity.picture(arch.image_px), arch.image_px).numpy()
    return {'pixels': parity.windows(canvas, arch), 'places': parity.places(arch)}


def _providers(device: str, available: list[str]) -> list[tuple[str, dict[str, str]]]:
    """The providers for a device, with their options, best first. Raises ConfigError."""
    kind, _, number = device.partition(':')
    found = [each for each in PROVIDERS.get(kind, ()) if each in available]
    if not found:
        raise ConfigError(
            f'device={written(device)}: ONNX Runtime has {", ".join(available)} here; '
            f'{", ".join(PROVIDERS)} take {", ".join(sum(PROVIDERS.values(), ()))}'
        )
    threads = {'device_type': 'CPU', 'num_of_threads': str(torch.get_num_threads())}
    own = {'OpenVINOExecutionProvider': threads, 'CPUExecutionProvider': {}}
    gpu = {'device_id': number or '0'}
    return [(name, own.get(name, gpu)) for name in found]

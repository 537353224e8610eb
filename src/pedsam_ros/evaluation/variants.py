"""The models that `pedsam evaluate` compares: whose weights, which block order, over which way."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.evaluation.baselines import Blurred, BoxItself
from pedsam_ros.evaluation.protocol import PROMPTS, Segmenter

ROLES = {'ped': '--checkpoint', 'sam': '--sam-checkpoint'}
_TWIN = Path('weights/vit_tiny_sam.safetensors')  # in a checkout's root; not installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A line of the result. Without a role it needs no weights."""

    role: str = ''  # whose weights: those trained reordered, or their twin in SAM's own order
    order: str = 'ped'  # of the blocks; see core.whole
    transport: str = ''  # of embeddings between processes; empty: one process
    blurred: bool = False
    prompts: Sequence[str] = PROMPTS


VARIANTS = {
    'ped': Variant(role='ped'),
    'sam': Variant(role='sam', order='sam'),
    'ped_untrained_reorder': Variant(role='sam'),
    'ped_distributed_fp16': Variant(role='ped', transport='float16'),
    'ped_distributed_int8': Variant(role='ped', transport='int8'),
    'blur': Variant(role='sam', order='sam', blurred=True),
    'box': Variant(prompts=('box',)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What holds for every model of a run."""

    sigma: float  # of the blur, px; see evaluation.baselines.blurred
    domains: Sequence[int]  # the robot's, then each worker's
    device: str
    threads: int


def parse_models(text: str) -> list[str]:
    """'ped,sam' -> names of VARIANTS, in their order. Raises ConfigError naming a wrong one."""
    names = {name.strip() for name in text.split(',')}
    unknown = sorted(names - VARIANTS.keys())
    if unknown:
        raise ConfigError(f'--models: {unknown[0]!r}: one of {", ".join(VARIANTS)}')
    return [name for name in VARIANTS if name in names]


def sources(given: Mapping[str, str | None]) -> dict[str, str]:
    """Role -> checkpoint to read: those given, or else those that come with the package.

    Meta's .pth, and random weights, serve for both roles if they are the only ones given.
    """
    found = {role: source for role, source in given.items() if source}
    if not found:
        return {role: str(path) for role, path in _shipped().items() if path.is_file()}
    if len(found) == 1:
        (source,) = found.values()
        if source.endswith('.pth') or source.startswith('random:'):
            return dict.fromkeys(ROLES, source)
    return found


def absent(name: str, known: Mapping[str, object]) -> str:
    """Why a model cannot be had; empty if it can."""
    role = VARIANTS[name].role
    if not role or role in known:
        return ''
    shipped = '' if known else f', and {_shipped()[role]} is not there'
    return f'its weights are missing: no {ROLES[role]}{shipped}'


@contextmanager
def open_model(name: str, weights: Mapping[str, Weights], setting: Setting) -> Iterator[Segmenter]:
    """A model, ready to be asked. Raises PedsamError."""
    variant = VARIANTS[name]
    if not variant.role:
        yield BoxItself()
    elif variant.transport:
        from pedsam_ros.trial.distributed import distributed  # the others need no ROS

        with (
            tempfile.TemporaryDirectory(prefix='pedsam-evaluate-') as folder,
            distributed(
                weights[variant.role],
                setting.domains,
                Path(folder),
                variant.transport,
                device=setting.device,
                threads=setting.threads,
            ) as system,
        ):
            yield system
    else:
        whole = loading.load_monolithic(weights[variant.role], variant.order, setting.device)
        yield Blurred(whole, setting.sigma) if variant.blurred else whole


def _shipped() -> dict[str, Path]:
    return {'ped': checkpoint.SHIPPED, 'sam': _TWIN}

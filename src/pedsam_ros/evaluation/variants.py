"""The models that `pedsam evaluate` compares: their weights, block order and way of running."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.monolithic import MonolithicPipeline
from pedsam_ros.evaluation.baselines import Blurred, BoxItself
from pedsam_ros.evaluation.protocol import PROMPTS, Segmenter
from pedsam_ros.evaluation.shifted import Shifted

ROLES = {'ped': '--checkpoint', 'sam': '--sam-checkpoint'}  # role of weights -> its argument
_TWIN = Path('weights/vit_tiny_sam.safetensors')  # in a checkout's root; it is not installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A model that is one line of the result. Without a role it needs no weights."""

    role: str = ''  # one of ROLES: weights trained reordered, or their twin in SAM's own order
    order: str = 'ped'  # of the blocks, one of monolithic.ORDERS
    transport: str = ''  # dtype of embeddings between processes; empty for one process
    blurred: bool = False
    shifted: bool = False  # partition and content, by a random Shift for each image
    prompts: Sequence[str] = PROMPTS


VARIANTS = {
    'ped': Variant(role='ped'),
    'ped_shifted': Variant(role='ped', shifted=True),
    'sam': Variant(role='sam', order='sam'),
    'ped_untrained_reorder': Variant(role='sam'),
    'ped_distributed_fp16': Variant(role='ped', transport='float16'),
    'ped_distributed_int8': Variant(role='ped', transport='int8'),
    'blur': Variant(role='sam', order='sam', blurred=True),
    'box': Variant(prompts=('box',)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The conditions under which all models of a run work."""

    sigma: float  # of the blur, px; see baselines.blurred
    domains: Sequence[int]  # the robot's, then each worker's
    device: str  # torch device
    threads: int  # of torch in each process; 0 for all cores


def parse_models(text: str) -> list[str]:
    """'ped,sam' -> names of VARIANTS, in the order there. Raises ConfigError for a wrong name."""
    names = {name.strip() for name in text.split(',')}
    unknown = sorted(names - VARIANTS.keys())
    if unknown:
        raise ConfigError(f'--models: {unknown[0]!r}: one of {", ".join(VARIANTS)}')
    return [name for name in VARIANTS if name in names]


def checkpoints(given: Mapping[str, str | None]) -> dict[str, str]:
    """Role -> checkpoint to read: those given, or those that come with the package.

    A single one serves for both roles if it is Meta's .pth or random weights.
    """
    found = {role: source for role, source in given.items() if source}
    if not found:
        return {role: str(path) for role, path in _shipped().items() if path.is_file()}
    if len(found) == 1:
        (source,) = found.values()
        if source.endswith('.pth') or source.startswith('random:'):
            return dict.fromkeys(ROLES, source)
    return found


def why_absent(name: str, known: Mapping[str, object]) -> str:
    """Why a model cannot run with the checkpoints of `known`; empty if it can."""
    role = VARIANTS[name].role
    if not role or role in known:
        return ''
    shipped = '' if known else f', and {_shipped()[role]} is not there'
    return f'its weights are missing: no {ROLES[role]}{shipped}'


@contextmanager
def open_model(
    name: str, weights: Mapping[str, Weights], conditions: Conditions
) -> Iterator[Segmenter]:
    """The model of this name, ready to be asked. `weights` are by role. Raises PedsamError."""
    variant = VARIANTS[name]
    if not variant.role:
        yield BoxItself()
    elif variant.transport:
        from pedsam_ros.trial.distributed import distributed  # the other models need no ROS

        with (
            tempfile.TemporaryDirectory(prefix='pedsam-evaluate-') as folder,
            distributed(
                weights[variant.role],
                conditions.domains,
                Path(folder),
                variant.transport,
                device=conditions.device,
                threads=conditions.threads,
            ) as system,
        ):
            yield system
    else:
        whole = loading.load_monolithic(weights[variant.role], variant.order, conditions.device)
        yield _disguised(whole, variant, conditions)


def _disguised(whole: MonolithicPipeline, variant: Variant, conditions: Conditions) -> Segmenter:
    if variant.blurred:
        return Blurred(whole, conditions.sigma)
    return Shifted(whole) if variant.shifted else whole


def _shipped() -> dict[str, Path]:
    return {'ped': checkpoint.SHIPPED, 'sam': _TWIN}

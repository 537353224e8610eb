"""The models that `pedsam evaluate` compares: their weights, block order and way of running."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.monolithic import MonolithicPipeline
from pedsam_ros.evaluation.baselines import Blurred, BoxItself
from pedsam_ros.evaluation.protocol import PROMPTS, Segmenter
from pedsam_ros.evaluation.shifted import Shifted
from pedsam_ros.evaluation.without_image import WithoutImage, mean_token

ROLES = {  # role of weights -> its argument
    'ped': '--checkpoint',
    'sam': '--sam-checkpoint',
    'edge_only': '--edge-only-checkpoint',
}
_TWINS = Path('weights')  # in a checkout's root; they are not installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A model that is one line of the result. Without a role it needs no weights."""

    role: str = ''  # one of ROLES: weights trained reordered, their twin in SAM's own order, ...
    order: str = 'ped'  # of the blocks, one of monolithic.ORDERS
    transport: str = ''  # dtype of embeddings between processes; empty for one process
    blurred: bool = False
    shifted: bool = False  # partition and content, by a random Shift for each image
    bare: bool = False  # every token after the window blocks is the mean token
    against: str = ''  # the variant without an image; what is above its score was contributed
    prompts: Sequence[str] = PROMPTS


VARIANTS = {
    'ped': Variant(role='ped', against='no_embedding'),
    'ped_shifted': Variant(role='ped', shifted=True, against='no_embedding'),
    'sam': Variant(role='sam', order='sam', against='sam_no_embedding'),
    'ped_untrained_reorder': Variant(role='sam', against='sam_no_embedding'),
    'ped_distributed_fp16': Variant(role='ped', transport='float16', against='no_embedding'),
    'ped_distributed_int8': Variant(role='ped', transport='int8', against='no_embedding'),
    'blur': Variant(role='sam', order='sam', blurred=True, against='sam_no_embedding'),
    'no_embedding': Variant(role='ped', bare=True),
    'sam_no_embedding': Variant(role='sam', order='sam', bare=True),
    'edge_only': Variant(role='edge_only', bare=True),
    'box': Variant(prompts=('box',)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The conditions under which all models of a run work."""

    sigma: float  # of the blur, px; see baselines.blurred
    domains: Sequence[int]  # the robot's, then each worker's
    device: str  # torch device
    threads: int  # of torch in each process; 0 for all cores
    second_look: bool = True
    photos: Sequence[Path] = ()  # for the mean token of weights that were stored without one


def parse_models(text: str) -> list[str]:
    """'ped,sam' -> names of VARIANTS and of those they are measured against, in the order there.

    Raises ConfigError for a wrong name.
    """
    names = {name.strip() for name in text.split(',')}
    unknown = sorted(names - VARIANTS.keys())
    if unknown:
        raise ConfigError(f'--models: {unknown[0]!r}: one of {", ".join(VARIANTS)}')
    names |= {VARIANTS[name].against for name in names}
    return [name for name in VARIANTS if name in names]


def checkpoints(given: Mapping[str, str | None]) -> dict[str, str]:
    """Role -> checkpoint to read: those given, or those that come with the package.

    A single one serves in both block orders if it is Meta's .pth or random weights.
    """
    found = {role: source for role, source in given.items() if source}
    sources = [source for role, source in found.items() if role != 'edge_only']
    if not sources:
        shipped = {role: str(path) for role, path in _shipped().items() if path.is_file()}
        return shipped | found
    if len(sources) == 1 and (sources[0].endswith('.pth') or sources[0].startswith('random:')):
        return found | dict.fromkeys(('ped', 'sam'), sources[0])
    return found


def why_absent(name: str, known: Mapping[str, object]) -> str:
    """Why a model cannot run with the checkpoints of `known`; empty if it can."""
    role = VARIANTS[name].role
    if not role or role in known:
        return ''
    path = _shipped()[role]
    unused = known and role != 'edge_only'  # other weights were given
    absent = '' if unused or path.is_file() else f', and {path} is not there'
    return f'its weights are missing: no {ROLES[role]}{absent}'


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
        own = weights[variant.role]
        whole = loading.load_monolithic(own, variant.order, conditions.device)
        if not conditions.second_look:
            whole.decoder.refiner = None
        if variant.bare:
            yield WithoutImage(whole, _mean_token(own, whole, variant, conditions))
        else:
            yield _disguised(whole, variant, conditions)


def why_impossible(name: str, weights: Mapping[str, Weights], conditions: Conditions) -> str:
    """Why a model cannot run under the conditions with these weights; empty if it can."""
    variant = VARIANTS[name]
    if variant.transport and not conditions.second_look:
        return 'real processes always take the second look'
    if not variant.bare or _stored_mean(weights[variant.role], variant) is not None:
        return ''
    if variant.role == 'edge_only':
        return f'{ROLES[variant.role]} was not trained with --edge-only: it has no mean token'
    if not conditions.photos:
        return 'its weights have no mean token, and scikit-image has no photographs to find one'
    return ''


def _stored_mean(weights: Weights, variant: Variant) -> Tensor | None:
    """The mean token that is stored with the weights, if it is that of the variant's order."""
    return loading.mean_token(weights) if weights.order == variant.order else None


def _mean_token(
    weights: Weights, whole: MonolithicPipeline, variant: Variant, conditions: Conditions
) -> Tensor:
    stored = _stored_mean(weights, variant)
    return mean_token(whole, conditions.photos) if stored is None else stored


def _disguised(whole: MonolithicPipeline, variant: Variant, conditions: Conditions) -> Segmenter:
    if variant.blurred:
        return Blurred(whole, conditions.sigma)
    return Shifted(whole) if variant.shifted else whole


def _shipped() -> dict[str, Path]:
    twins = {role: _TWINS / f'vit_tiny_{role}.safetensors' for role in ('sam', 'edge_only')}
    return {'ped': checkpoint.SHIPPED, **twins}

"""The models that `pedsam evaluate` compares: their weights, block order and way of running."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pedsam_ros.core.codec import RATIOS
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.model.monolithic import MonolithicPipeline
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.evaluation.baselines import Blurred, BoxItself, Mute
from pedsam_ros.evaluation.protocol import PROMPTS, Segmenter
from pedsam_ros.evaluation.shifted import Shifted
from pedsam_ros.trial.one_process import local_pipeline
from pedsam_ros.trial.processes import NAMES

ROLES = {'ped': '--checkpoint', 'sam': '--sam-checkpoint'}  # role of weights -> its argument
_TWIN = Path('weights/vit_tiny_sam.safetensors')  # in a checkout's root; it is not installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A model that is one line of the result. Without a role it needs no weights."""

    role: str = ''  # one of ROLES: weights trained reordered, or their twin in SAM's own order
    order: str = 'ped'  # of the blocks, one of monolithic.ORDERS
    transport: str = ''  # of embeddings; empty: windows are never cut out of the image
    ratio: int = EdgeConfig().codec_ratio  # of the codec
    processes: bool = False  # an edge and three workers; else one process takes the same way
    mute: bool = False  # workers answer with the mean token
    blurred: bool = False
    shifted: bool = False  # partition and content, by a random Shift for each image
    prompts: Sequence[str] = PROMPTS


VARIANTS = {
    'ped': Variant(role='ped'),
    'ped_shifted': Variant(role='ped', shifted=True),
    'sam': Variant(role='sam', order='sam'),
    'ped_untrained_reorder': Variant(role='sam'),
    'no_embedding': Variant(role='ped', transport='float32', mute=True),
    **{
        f'ped_codec{ratio}': Variant(role='ped', transport='codec', ratio=ratio)
        for ratio in RATIOS
    },
    'ped_distributed_fp16': Variant(role='ped', transport='float16', processes=True),
    'ped_distributed_int8': Variant(role='ped', transport='int8', processes=True),
    'ped_distributed_codec': Variant(role='ped', transport='codec', processes=True),
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
    """Why a model cannot run with the checkpoints of `known`, by role; empty if it can."""
    role = VARIANTS[name].role
    if not role or role in known:
        return ''
    shipped = '' if known else f', and {_shipped()[role]} is not there'
    return f'its weights are missing: no {ROLES[role]}{shipped}'


def lacks_codec(name: str, weights: Mapping[str, Weights]) -> bool:
    """Whether a model needs a codec that its weights do not have."""
    variant = VARIANTS[name]
    needed = variant.transport == 'codec' or variant.mute
    return needed and weights[variant.role].codec is None


@contextmanager
def open_model(
    name: str, weights: Mapping[str, Weights], conditions: Conditions
) -> Iterator[Segmenter]:
    """The model of this name, ready to be asked. `weights` are by role. Raises PedsamError."""
    variant = VARIANTS[name]
    if not variant.role:
        yield BoxItself()
    elif variant.processes:
        from pedsam_ros.trial.distributed import distributed  # the other models need no ROS

        with (
            tempfile.TemporaryDirectory(prefix='pedsam-evaluate-') as folder,
            distributed(
                weights[variant.role],
                conditions.domains,
                Path(folder),
                variant.transport,
                ratio=variant.ratio,
                device=conditions.device,
                threads=conditions.threads,
            ) as system,
        ):
            yield system
    elif variant.transport:
        yield _in_one_process(variant, weights[variant.role], conditions.device)
    else:
        whole = loading.load_monolithic(weights[variant.role], variant.order, conditions.device)
        yield _disguised(whole, variant, conditions)


def _disguised(whole: MonolithicPipeline, variant: Variant, conditions: Conditions) -> Segmenter:
    if variant.blurred:
        return Blurred(whole, conditions.sigma)
    return Shifted(whole) if variant.shifted else whole


def _in_one_process(variant: Variant, weights: Weights, device: str) -> LocalPipeline:
    """What real processes would answer, to the last bit."""
    config = EdgeConfig(
        transport=variant.transport,
        codec_ratio=variant.ratio,
        placement=PlacementConfig(anchor='image'),
    )
    workers = [WorkerEntry(name=name, domain_id=i) for i, name in enumerate(NAMES, 1)]
    made = local_pipeline(weights, workers, config, device)
    half = made.worker
    mute = Mute(half.arch, half.model_id, half.encoder, half.fitted)
    return replace(made, worker=mute) if variant.mute else made


def _shipped() -> dict[str, Path]:
    return {'ped': checkpoint.SHIPPED, 'sam': _TWIN}

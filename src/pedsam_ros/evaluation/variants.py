"""The models that `pedsam evaluate` compares: their weights, block order and way of running."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pedsam_ros.core.codec import FITTED, RATIOS
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.model.monolithic import MonolithicPipeline
from pedsam_ros.core.model.onnx_file import Exported
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.evaluation.baselines import Blurred, BoxItself
from pedsam_ros.evaluation.protocol import PROMPTS, Segmenter
from pedsam_ros.evaluation.shifted import Shifted
from pedsam_ros.evaluation.without_image import WithoutImage, mean_token
from pedsam_ros.trial.one_process import local_pipeline
from pedsam_ros.trial.processes import NAMES

ROLES = {  # role of weights -> its argument
    'ped': '--checkpoint',
    'sam': '--sam-checkpoint',
    'edge_only': '--edge-only-checkpoint',
}
BARE = 'no_embedding'  # the variant against which others are measured
_TWINS = Path('weights')  # in a checkout's root; they are not installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A model that is one line of the result. Without a role it needs no weights."""

    role: str = ''  # one of ROLES: weights trained reordered, their twin in SAM's own order, ...
    order: str = 'ped'  # of the blocks, one of monolithic.ORDERS
    transport: str = ''  # of embeddings; empty: windows are never cut out of the image
    ratio: int = EdgeConfig().codec_ratio  # of the codec
    exported: str = ''  # precision of the ONNX graphs beside the checkpoint; empty: torch
    processes: bool = False  # an edge and three workers; else one process takes the same way
    blurred: bool = False
    shifted: bool = False  # partition and content, by a random Shift for each image
    bare: bool = False  # every token after the window blocks is the mean token
    against: str = ''  # the variant without an image; what is above its score was contributed
    prompts: Sequence[str] = PROMPTS


VARIANTS = {
    'ped': Variant(role='ped', against=BARE),
    'ped_shifted': Variant(role='ped', shifted=True, against=BARE),
    'sam': Variant(role='sam', order='sam', against=f'sam_{BARE}'),
    'ped_untrained_reorder': Variant(role='sam', against=f'sam_{BARE}'),
    **{
        f'ped_codec{ratio}': Variant(role='ped', transport=FITTED, ratio=ratio, against=BARE)
        for ratio in RATIOS
    },
    **{
        f'ped_{name}': Variant(role='ped', transport='float16', exported=precision, against=BARE)
        for name, precision in (
            ('onnx', 'float32'),
            ('onnx_float16', 'float16'),
            ('onnx_int8', 'int8'),
        )
    },
    **{
        f'ped_distributed_{name}': Variant(
            role='ped', transport=transport, processes=True, against=BARE
        )
        for name, transport in (('fp16', 'float16'), ('int8', 'int8'), ('codec', FITTED))
    },
    'blur': Variant(role='sam', order='sam', blurred=True, against=f'sam_{BARE}'),
    BARE: Variant(role='ped', bare=True),
    f'sam_{BARE}': Variant(role='sam', order='sam', bare=True),
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
    checkpoint: str = ''  # of the reordered model, beside which its exported halves lie
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
    """Why a model cannot run with the checkpoints of `known`, by role; empty if it can."""
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
        yield _in_one_process(variant, weights[variant.role], conditions)
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
    if variant.processes and not conditions.second_look:
        return 'real processes always take the second look'
    if variant.transport == FITTED and weights[variant.role].codec is None:
        return 'its weights have no codec; pedsam fit-codec adds one'
    if variant.exported:
        return _why_not_exported(conditions.checkpoint, variant.exported)
    if not variant.bare:
        return ''
    mean = _stored_mean(weights[variant.role], variant)
    if variant.role == 'edge_only' and (mean is None or bool(mean.any())):
        return (
            f'{ROLES[variant.role]} was not trained with --edge-only: its mean token is not zero'
        )
    if mean is not None:
        return ''
    if not conditions.photos:
        return 'its weights have no mean token, and scikit-image has no photographs to find one'
    return ''


def _why_not_exported(source: str, precision: str) -> str:
    """Why there are no exported halves of a checkpoint; empty if both are there."""
    try:
        paths = [Exported(source, precision).path(half) for half in checkpoint.HALVES]
    except ConfigError as error:
        return str(error)
    absent = [path for path in paths if not path.is_file()]
    return f'{absent[0]} is not there; pedsam export writes it' if absent else ''


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


def _in_one_process(variant: Variant, weights: Weights, conditions: Conditions) -> LocalPipeline:
    """What real processes would answer, to the last bit."""
    config = EdgeConfig(
        transport=variant.transport,
        codec_ratio=variant.ratio,
        placement=PlacementConfig(anchor='image'),
    )
    workers = [WorkerEntry(name=name, domain_id=i) for i, name in enumerate(NAMES, 1)]
    look = conditions.second_look
    exported = None
    if variant.exported:
        exported = Exported(conditions.checkpoint, variant.exported)
    return local_pipeline(weights, workers, config, conditions.device, look, exported)


def _shipped() -> dict[str, Path]:
    twins = {role: _TWINS / f'vit_tiny_{role}.safetensors' for role in ('sam', 'edge_only')}
    return {'ped': checkpoint.SHIPPED, **twins}

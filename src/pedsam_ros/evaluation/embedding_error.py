"""How far embeddings are from what a worker computed, after each way of packing them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from pedsam_ros.core.codec import DTYPES, RATIOS
from pedsam_ros.core.model import fitted_codec, loading, preprocess
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.types import Pixels, Values
from pedsam_ros.core.windows import Canvas, partition, token_grid
from pedsam_ros.evaluation.samples import Sample

MEAN = 'codec_mean'


def embedding_errors(
    weights: Weights, samples: Sequence[Sample], device: str
) -> dict[str, dict[str, float]]:
    """For each way of packing: the mean over images of the relative error of the embedding.

    `of_values` is the root mean square of the error as a share of that of the tokens,
    `of_variation` as a share of that of the tokens less their mean over the image. MEAN packs
    nothing: every token is the mean token of the codec. Without a codec, only plain types are
    there.
    """
    worker, found = loading.load_worker(weights, device), defaultdict[str, list[list[float]]](list)
    for sample in tqdm(samples, desc='errors of embeddings', unit='image'):
        windows = list(_tokens(worker, sample.rgb()))
        tokens = _joined(windows)
        scales = [_rms(tokens), _rms(tokens - tokens.mean(0))]
        for name, packed in _packed(windows, worker):
            error = _rms(packed - tokens)
            found[name].append([error / scale for scale in scales])
    return {
        name: dict(zip(('of_values', 'of_variation'), np.mean(each, 0).tolist(), strict=True))
        for name, each in found.items()
    }


def _tokens(worker: WorkerHalf, rgb: Pixels) -> Iterator[Values]:
    """The (rows, columns, C) tokens of each window of an image that holds content."""
    canvas = Canvas.fit(worker.arch, *rgb.shape[:2])
    content = preprocess.resize(rgb, canvas.content)
    parts = partition(content, canvas.grid)
    grid = token_grid(worker.arch)
    places = [grid.place(index) for index in parts]
    yield from worker.tokens(places, list(parts.values()), [(0, 0)] * len(parts))


def _packed(windows: Sequence[Values], worker: WorkerHalf) -> Iterator[tuple[str, Values]]:
    """The tokens of all windows, (N, C), after each way of packing."""
    fitted = worker.fitted
    ways = {dtype: dtype for dtype in DTYPES}
    if fitted:
        ways |= {f'codec{ratio}': fitted.dtype(ratio) for ratio in RATIOS}
        count = sum(each.shape[0] * each.shape[1] for each in windows)
        yield MEAN, np.tile(fitted.mean.numpy(), (count, 1))
    for name, dtype in ways.items():
        yield name, _joined([fitted_codec.repacked(each, dtype, fitted) for each in windows])


def _joined(windows: Sequence[Values]) -> Values:
    return np.concatenate([each.reshape(-1, each.shape[-1]) for each in windows])


def _rms(values: Values) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))

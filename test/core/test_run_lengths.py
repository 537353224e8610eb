"""Run lengths are COCO's, and the pixels come back."""

import numpy as np
import pytest
import torch

from pedsam_ros.core.model import sam
from pedsam_ros.core.pictures import binary
from pedsam_ros.core.run_lengths import run_lengths
from pedsam_ros.core.types import Mask


def of_sam(whole):
    """The run lengths that segment_anything gives."""
    return tuple(sam.amg.mask_to_rle_pytorch(torch.from_numpy(whole)[None])[0]['counts'])


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_part_of_the_frame_gives_the_run_lengths_of_the_whole(share):
    """Wherever the part lies, also where runs go on from one column to the next."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        height, width = (int(side) for side in rng.integers(1, 9, 2))
        y0, x0 = int(rng.integers(height)), int(rng.integers(width))
        y1, x1 = int(rng.integers(y0, height)) + 1, int(rng.integers(x0, width)) + 1
        whole = np.zeros((height, width), bool)
        whole[y0:y1, x0:x1] = rng.random((y1 - y0, x1 - x0)) < share
        found = run_lengths(whole[y0:y1, x0:x1], (x0, y0), (height, width))
        assert found == run_lengths(whole) == of_sam(whole)
        mask = Mask(0, 1.0, 1.0, (0, 0, 0, 0), 0, found)
        assert (binary(mask, height, width) == whole).all()

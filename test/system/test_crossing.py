"""What really crosses to the workers is what the audit records in one process."""

from dataclasses import replace

import numpy as np
import pytest

from domains import domains
from fakes import frame
from pedsam_ros.audit.real import record_real
from pedsam_ros.audit.record import record, workers
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.placement_config import PlacementConfig
from rig import SEED

pytestmark = pytest.mark.ros


@pytest.mark.parametrize('pad', [True, False])
def test_what_really_crosses_is_what_the_recording_says(tmp_path, pad):
    """Views, grey windows and the ledger are equal, and so are sizes, but for fields beside the
    pixels that the recording leaves out where nothing is padded."""
    weights, entries = checkpoint.read(SEED), workers(3)
    frames = [frame(96, 128, seed=i).rgb for i in range(3)] + [frame(120, 70, seed=9).rgb]
    scenes = [Scene('first', frames[:1]), Scene('others', frames[1:])]
    config = EdgeConfig(pad=pad, placement=PlacementConfig(anchor='image'))
    made = record('made', frames, loading.load_edge(weights), entries, config)
    with domains(4) as ids:
        found = record_real(scenes, weights, entries, ids, tmp_path, config)
    real = replace(found[scenes[0]], moments=[m for s in scenes for m in found[s].moments])
    assert real.ledger == made.ledger
    for a, b in zip(real.moments, made.moments, strict=True):
        assert (a.truth == b.truth).all()
        assert a.neutral == b.neutral
        for worker in real.workers:
            seen, expected = a.view([worker]), b.view([worker])
            assert (seen.seen == expected.seen).all()
            assert (seen.pixels == expected.pixels).all()
    sizes = [[m.size for m in recording.messages()] for recording in (real, made)]
    beside = {a - b for a, b in zip(*map(sorted, sizes), strict=True)}
    assert beside == {0} if pad else max(beside) < 100  # the other fields
    times = [m.at_s for m in real.messages()]
    assert np.isfinite(times).all()

"""The distributed system as `pedsam evaluate` asks it: through real processes."""

import argparse
import json
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
import torch

from fakes import frame
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.types import Prompt
from pedsam_ros.tools import evaluate
from pedsam_ros.trial import one_process
from pedsam_ros.trial.distributed import distributed
from pedsam_ros.trial.processes import workers_in
from rig import SEED, local_pipeline, same

pytestmark = pytest.mark.ros
POINT = Prompt(points=((20.0, 20.0, 1),))


@pytest.fixture
def data(tmp_path):
    """Two tiny images."""
    (tmp_path / 'here').mkdir()
    entries = []
    for i, (height, width) in enumerate([(60, 80), (90, 70)]):
        labels = np.zeros((height, width), np.uint16)
        labels[10:40, 10:30], labels[20:50, 40:65], labels[55:, :] = 1, 2, 3
        cv2.imwrite(str(tmp_path / 'here' / f'{i}.png'), labels)
        cv2.imwrite(str(tmp_path / 'here' / f'{i}.jpg'), frame(height, width, seed=i).rgb)
        segments = [{'id': number, 'thing': number < 3} for number in (1, 2, 3)]
        size = {'width': width, 'height': height}
        entries.append({'source': 'here', 'name': str(i), **size, 'segments': segments})
    (tmp_path / 'index.json').write_text(json.dumps(entries))
    return tmp_path


def test_the_distributed_system_scores_as_one_process(data, domain_ids, tmp_path):
    """With float16 embeddings scores differ by 0.002 at most, with int8 by 0.02."""
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    models = 'ped,ped_distributed_fp16,ped_distributed_int8'
    given = ['--data', data, '--checkpoint', SEED, '--models', models, '--threads', 1]
    given += ['--out', tmp_path / 'out.json', '--domains', *domain_ids]
    assert evaluate.run(parser.parse_args([*map(str, given)])) == 0
    found = json.loads((tmp_path / 'out.json').read_text())['models']
    for name, tolerance in (('ped_distributed_fp16', 0.002), ('ped_distributed_int8', 0.02)):
        for of_class, cells in found['ped']['here'].items():
            for prompt, value in cells.items():
                measured = found[name]['here'][of_class][prompt]
                assert measured == pytest.approx(value, abs=tolerance)


def test_each_frame_gets_its_own_masks(domain_ids, tmp_path):
    """They are equal to those of one process. Errors name a process that has ended."""
    weights = checkpoint.read(SEED)
    local = local_pipeline(workers_in(domain_ids), points=(20.0, 20.0))
    torch.set_num_threads(1)
    with ExitStack() as running:
        model = running.enter_context(
            distributed(weights, domain_ids, tmp_path, 'float16', threads=1)
        )
        for i, size in enumerate([(96, 128), (70, 90)]):
            image = frame(*size, seed=i, stamp_ns=i + 1)
            found = model.decode(model.encode(image), [POINT])
            assert same(found, local.segment(image))
        with pytest.raises(PedsamError, match='outside the image of 90x70 px'):
            model.decode(image.key, [Prompt(points=((500.0, 5.0, 1),))])
        model.system.processes['alice'].kill()
        with pytest.raises(PedsamError, match='alice ended with status -9; last words'):
            model.encode(frame(stamp_ns=9))
        with pytest.raises(PedsamError, match='alice ended with status -9; logs are in'):
            running.close()


def test_embeddings_that_travel_by_a_codec_give_the_masks_of_one_process(domain_ids, tmp_path):
    """To the last bit: each process reads the codec from its own half of the weights."""
    weights = checkpoint.read('vit_tiny')
    config = EdgeConfig(transport='codec', codec_ratio=16)
    local = one_process.local_pipeline(weights, workers_in(domain_ids), config)
    torch.set_num_threads(1)
    with distributed(weights, domain_ids, tmp_path, 'codec', 16, threads=1) as model:
        for i, size in enumerate([(96, 128), (70, 90)]):
            image = frame(*size, seed=i, stamp_ns=i + 1)
            found = model.decode(model.encode(image), [POINT])
            assert same(found, local.decode(local.encode(image), [POINT]))

"""An exported half computes what torch does, or is not used."""

import argparse
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import exported_halves
import fakes
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError, WeightsError
from pedsam_ros.core.model import (
    backends,
    checkpoint,
    loading,
    onnx_export,
    onnx_half,
    onnx_int8,
    parity,
)
from pedsam_ros.core.model.onnx_file import Exported
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.windows import Canvas, partition, pixel_grid, token_grid
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.evaluation.variants import Conditions, open_model, why_impossible
from pedsam_ros.learn import calibration
from pedsam_ros.tools import export

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

HALVES = checkpoint.HALVES
THIN_B = replace(
    ARCHITECTURES['vit_b'], dim=24, heads=2, depth=4, global_blocks=(2,), image_px=384
)
SOURCES = {'vit_tiny': ARCHITECTURES['vit_tiny'], 'vit_b': THIN_B}


@pytest.fixture(scope='module')
def feeds():
    """What a drawn picture makes of the inputs of both halves."""
    pictures = [parity.picture(side) for side in (200, 288)]
    return [*calibration.feeds(fakes.weights(), pictures, np.random.default_rng(0))]


def tokens_of(worker, arch):
    """What a worker makes of all windows of a picture, encoded one by one, and then together; some
    of them reach over the canvas on every side."""
    grid = token_grid(arch, (1, 2))
    parts = partition(parity.picture(arch.image_px), pixel_grid(arch, (1, 2)), (0, 0))
    places = [grid.place(index) for index in parts]
    canvas = Canvas.fit(arch, arch.image_px, arch.image_px, shift=Shift((1, 2)))
    pixels, corners = [*parts.values()], [canvas.content_corner(index) for index in parts]
    each = zip(places, pixels, corners, strict=True)
    single = [worker.tokens([place], [some], [at])[0] for place, some, at in each]
    return single, worker.tokens(places, pixels, corners)


@pytest.mark.parametrize('name', SOURCES)
def test_exported_halves_compute_what_torch_does(name, tmp_path):
    """Of windows alone and in batches, with and without window padding; and of a whole canvas."""
    weights = checkpoint.random_weights(SOURCES[name], 0)
    exported = exported_halves.written(tmp_path, weights)
    ours, theirs = (
        loading.load_edge(weights, worker_half=True, exported=each) for each in (exported, None)
    )
    assert ours.computed_by == 'CPUExecutionProvider float32'
    for found, expected in zip(
        tokens_of(ours.worker, weights.arch), tokens_of(theirs.worker, weights.arch), strict=True
    ):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)
    tokens = np.random.default_rng(0).normal(size=theirs.padding.shape).astype(np.float32)
    torch.testing.assert_close(ours.embed(tokens), theirs.embed(tokens), atol=1e-4, rtol=0)


def test_a_node_takes_what_its_settings_say(exported):
    """And says so: the model_id is that of the weights, whatever computes."""
    weights = checkpoint.read(exported.checkpoint)
    for config in (WorkerConfig, EdgeConfig):
        chosen = config(checkpoint=exported.checkpoint, backend='onnx')
        if config is WorkerConfig:
            half, plain = backends.worker_half(weights, chosen), loading.load_worker(weights)
        else:
            half, plain = backends.edge_half(weights, chosen, True), loading.load_edge(weights)
        assert (half.computed_by, plain.computed_by) == (
            'CPUExecutionProvider float32',
            'torch float32',
        )
        assert half.model_id == plain.model_id == fakes.weights().model_id
        half.warm_up()


def test_int8_is_near_and_is_not_the_same(tmp_path, feeds):
    """It is quantised where it should be, and no further from torch than its tolerance."""
    weights = fakes.weights()
    for half in HALVES:
        plain = onnx_export.graph_of(weights, half, 'float32')
        graph = onnx_int8.quantised(plain, [each[half] for each in feeds])
        error = onnx_export.write(graph, tmp_path / f'm-{half}.int8.onnx', weights, half, 'int8')
        assert 1e-3 < error < parity.TOLERANCES['int8']
        linear = sum(node.op_type == 'Gemm' for node in graph.graph.node)
        layers = 4 * len(weights.arch.worker_blocks)
        assert linear == layers
        weighs = [
            each for each in graph.graph.initializer if each.data_type == onnx.TensorProto.INT8
        ]
        assert sum(len(each.dims) == 2 for each in weighs) == layers
    exported = Exported(str(tmp_path / 'm.safetensors'), 'int8')
    assert loading.load_worker(weights, exported=exported).computed_by.endswith('int8')


def test_float16_takes_and_gives_float32(tmp_path):
    """So a node need not know."""
    exported = exported_halves.written(tmp_path, fakes.weights(), 'float16')
    worker = loading.load_worker(fakes.weights(), exported=exported)
    assert tokens_of(worker, fakes.TINY)[1][0].dtype == np.float32


def test_a_graph_of_other_weights_is_not_written(tmp_path):
    """Export refuses to finish: nothing is left under the name."""
    graph = onnx_export.graph_of(fakes.weights(1), 'edge', 'float32')
    with pytest.raises(WeightsError, match=r'differs from torch by .*; at most 0.001'):
        onnx_export.write(graph, tmp_path / 'm-edge.onnx', fakes.weights(), 'edge', 'float32')
    assert not [*tmp_path.iterdir()]


def test_wrong_results_are_found_at_every_load(exported, tmp_path):
    """As of a runtime that computes wrong without a word: here one matrix is a little off."""
    for half in HALVES:
        model = onnx.load(exported.path(half))
        matrix = next(each for each in model.graph.initializer if len(each.dims) == 2)
        values = onnx.numpy_helper.to_array(matrix) * np.float32(1.05)
        matrix.CopyFrom(onnx.numpy_helper.from_array(values, matrix.name))
        wrong = Exported(str(tmp_path / 'm.safetensors'), 'float32')
        onnx.save(model, wrong.path(half))
        with pytest.raises(WeightsError, match='CPUExecutionProvider differs from torch'):
            onnx_half.opened(wrong, half, fakes.weights(), 'cpu')


def test_what_all_tokens_share_does_not_hide_an_error():
    """And values that are no numbers are as far off as can be."""
    random = np.random.default_rng(0)
    expected = random.normal(size=(2, 50, 8)).astype(np.float32)
    found = expected + random.normal(size=expected.shape).astype(np.float32) * 0.1
    assert 0.05 < parity.error(found, expected) < 0.2
    assert parity.error(found + 1000, expected + 1000) == pytest.approx(
        parity.error(found, expected), rel=0.01
    )
    found[1, 3, 3] = np.nan
    assert parity.error(found, expected) == np.inf


def test_the_picture_is_the_same_everywhere():
    """It is in no file; a graph that was written elsewhere counts on it."""
    drawn = parity.picture(64)
    assert (drawn.shape, int(drawn.sum(dtype=np.int64))) == ((64, 64, 3), 1438353)


def test_a_graph_of_another_model_or_half_is_not_taken(exported, tmp_path):
    """Equal shapes are not enough."""
    with pytest.raises(WeightsError, match=f'model_id=.*{fakes.weights(1).model_id} expected'):
        onnx_half.opened(exported, 'worker', fakes.weights(1), 'cpu')
    other = Exported(str(tmp_path / 'm.safetensors'), 'int8')
    os.link(exported.path('worker'), other.path('worker'))
    with pytest.raises(WeightsError, match="precision='float32', not int8"):
        onnx_half.opened(other, 'worker', fakes.weights(), 'cpu')


def test_graphs_lie_beside_the_weights():
    """A whole model and each of its halves have the same."""
    for file in ('m.pth', 'm.safetensors', 'm-worker.safetensors', 'm-edge.safetensors'):
        assert str(Exported(f'/a/{file}', 'float32').path('worker')) == '/a/m-worker.onnx'
        assert str(Exported(f'/a/{file}', 'int8').path('edge')) == '/a/m-edge.int8.onnx'
    for name in ('vit_tiny', 'random:vit_tiny:0'):
        with pytest.raises(ConfigError, match='pedsam split'):
            Exported(name, 'float32').path('edge')


def test_a_model_by_name_is_not_exported():
    """Nobody would find its graph. The command says what to do instead, before it computes."""
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    with pytest.raises(ConfigError, match='pedsam split'):
        export.run(parser.parse_args(['random:vit_tiny:0']))


def test_a_run_without_graphs_leaves_out_what_needs_them(exported, tmp_path):
    """And says which file is missing."""
    conditions = Conditions(sigma=10.0, domains=(), device='cpu', threads=1)
    for source, missing in (
        (exported.checkpoint, ''),
        (str(tmp_path / 'n.safetensors'), 'n-worker.onnx is not there'),
        ('vit_tiny', 'pedsam split'),
    ):
        there = replace(conditions, checkpoint=source)
        why = why_impossible('ped_onnx', {'ped': fakes.weights()}, there)
        assert missing in why
        assert bool(why) == bool(missing)
    there = replace(conditions, checkpoint=exported.checkpoint)
    with open_model('ped_onnx', {'ped': fakes.weights()}, there) as model:
        assert model.worker.computed_by == 'CPUExecutionProvider float32'


@pytest.mark.parametrize('package', ['onnx', 'onnxruntime'])
def test_a_missing_package_is_named(exported, monkeypatch, package):
    """With what to type."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f'^backend=onnx: {package} .* requirements/onnx.txt$'):
        onnx_half.opened(exported, 'worker', fakes.weights(), 'cpu')


def test_a_device_without_a_provider_is_named(exported):
    """The CPU does not stand in for it without a word."""
    with pytest.raises(ConfigError, match=r'device=.tpu:1.: ONNX Runtime has .*CPUExecution'):
        onnx_half.opened(exported, 'worker', fakes.weights(), 'tpu:1')


@pytest.mark.parametrize(('backend', 'precision'), [('torch', 'int8'), ('onnx', 'bfloat16')])
def test_a_backend_has_its_precisions(backend, precision):
    """Others are refused at the border."""
    for config in (WorkerConfig, EdgeConfig):
        with pytest.raises(ConfigError, match=f'precision={precision}: backend {backend} has'):
            config(backend=backend, precision=precision)

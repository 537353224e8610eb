"""Weights keep their formats, halves and hashes, and a file with an error is refused."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

import fakes
from pedsam_ros.core.architecture import ARCHITECTURES, Architecture
from pedsam_ros.core.errors import ConfigError, WeightsError
from pedsam_ros.core.model import checkpoint, loading, sam
from pedsam_ros.core.model.worker_half import WorkerHalf


@pytest.fixture
def halves(tmp_path):
    """The paths of the worker's and the edge's file."""
    return loading.split(fakes.weights(), tmp_path, 'tiny')


def test_both_ends_agree_on_the_model(halves):
    """Each half alone knows the model_id of the whole model."""
    worker, edge = (checkpoint.read(str(path)) for path in halves)
    assert worker.model_id == edge.model_id == fakes.weights().model_id
    assert loading.load_worker(worker).model_id == loading.load_edge(edge).model_id


def test_each_file_holds_its_half_alone(halves):
    """No tensor is in both files, and no tensor is lost."""
    worker, edge = (checkpoint.read(str(path)).tensors for path in halves)
    assert not worker.keys() & edge.keys()
    assert worker.keys() | edge.keys() - {checkpoint.PADDING} == fakes.weights().tensors.keys() | (
        edge.keys() - {checkpoint.PADDING}
    )
    assert all(name.startswith('image_encoder.') for name in worker)
    assert not any('blocks.0.' in name or 'patch_embed' in name for name in edge)


def test_a_split_model_computes_what_the_whole_one_does(halves):
    """This includes the tokens of canvas padding, which are in the edge's file."""
    whole, edge = (
        loading.load_edge(fakes.weights()),
        loading.load_edge(checkpoint.read(str(halves[1]))),
    )
    assert (whole.padding == edge.padding).all()
    tokens = torch.randn(1, 18, 18, 32)
    assert torch.equal(whole.encoder(tokens), edge.encoder(tokens))


def test_windows_of_padding_are_encoded_together(monkeypatch):
    """As many as fit the memory; each gets what it gets alone."""
    weights, batches = fakes.weights(), []
    together = loading.padding_tokens(weights)
    tokens = WorkerHalf.tokens

    def note(self, places, *windows):
        batches.append(len(places))
        return tokens(self, places, *windows)

    monkeypatch.setattr(WorkerHalf, 'tokens', note)
    assert torch.equal(loading.padding_tokens(weights), together)
    assert batches == [25]
    monkeypatch.setattr(loading, '_PADDING_BYTES', 1)
    assert torch.equal(loading.padding_tokens(weights), together)
    assert batches == [25] + [1] * 25


def test_the_model_that_comes_along_has_its_padding(monkeypatch):
    """So its edge starts at once. The tokens are those that would be computed."""
    shipped = checkpoint.read('vit_tiny')
    bare = {k: t for k, t in shipped.tensors.items() if k != checkpoint.PADDING}
    computed = loading.padding_tokens(replace(shipped, tensors=bare))
    assert torch.allclose(computed, shipped.tensors[checkpoint.PADDING], atol=1e-4)
    monkeypatch.setattr(loading, 'load_worker', lambda *_: pytest.fail('encodes again'))
    assert loading.load_edge(shipped).padding.shape == (18, 18, 192)


def test_half_a_model_cannot_be_used_as_the_other(halves):
    """The error says which half is missing."""
    worker, edge = (checkpoint.read(str(path)) for path in halves)
    with pytest.raises(WeightsError, match='edge half'):
        loading.load_edge(worker)
    with pytest.raises(WeightsError, match='worker half'):
        loading.load_worker(edge)


def test_seeds_name_models():
    """Equal seeds give equal models; positions are random, because zeros would hide mistakes."""
    first, same, other = (checkpoint.random_weights(fakes.TINY, seed) for seed in (1, 1, 2))
    assert first.model_id == same.model_id != other.model_id
    assert first.tensors['image_encoder.pos_embed'].std() > 0.1
    assert first.tensors['image_encoder.blocks.0.attn.rel_pos_h'].std() > 0.1
    assert checkpoint.read('random:vit_tiny:7').arch == ARCHITECTURES['vit_tiny']


def test_a_seed_leaves_the_global_random_state_alone():
    """Making weights has no side effect on other random numbers."""
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    checkpoint.random_weights(fakes.TINY, 0)
    assert torch.rand(1) == expected


def test_sams_own_pth_is_read(tmp_path, monkeypatch):
    """A sam_vit_*.pth file is a plain dictionary of tensors under SAM's names."""
    monkeypatch.setitem(checkpoint.ARCHITECTURES, 'tiny', fakes.TINY)
    whole = fakes.weights()
    torch.save(dict(whole.tensors), tmp_path / 'sam_tiny.pth')
    read = checkpoint.read(str(tmp_path / 'sam_tiny.pth'))
    assert read.arch == fakes.TINY
    assert read.model_id == whole.model_id


@pytest.mark.parametrize('name', ARCHITECTURES)
def test_every_tensor_of_sam_belongs_to_one_half(name):
    """Of ViT-H, 557 M parameters go to the workers and 84 M to the edge."""
    arch = ARCHITECTURES[name]
    with torch.device('meta'):
        tensors = sam.sam_of(arch).state_dict()
    sizes = {'worker': 0, 'edge': 0}
    for key, tensor in tensors.items():
        sizes[checkpoint.half_of(key, arch)] += tensor.numel()
    if name == 'vit_h':
        assert {half: round(size / 1e6) for half, size in sizes.items()} == {
            'worker': 557,
            'edge': 84,
        }
    assert min(sizes.values()) > 1e6


def _flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def test_a_corrupt_half_is_refused(halves):
    """One wrong bit is enough."""
    _flip_a_bit(halves[0])
    with pytest.raises(WeightsError, match='worker half is not what its hash says'):
        checkpoint.read(str(halves[0]))


def test_wrong_files_are_named(tmp_path):
    """This holds for files that are missing, empty, of another format or model, or run code."""
    path = tmp_path / 'weights.safetensors'
    with pytest.raises(WeightsError, match='no such file'):
        checkpoint.read(str(path))
    path.write_bytes(b'')
    with pytest.raises(WeightsError, match=r'weights\.safetensors.*not readable'):
        checkpoint.read(str(path))
    save_file({'a': torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match='pedsam split'):
        checkpoint.read(str(path))
    pth = tmp_path / 'other.pth'
    torch.save({'conv1.weight': torch.zeros(1)}, pth)
    with pytest.raises(WeightsError, match='not a SAM'):
        checkpoint.read(str(pth))
    torch.save({'image_encoder.pos_embed': torch.zeros(1, 64, 64, 100)}, pth)
    with pytest.raises(WeightsError, match='100 channels'):
        checkpoint.read(str(pth))
    torch.save({'image_encoder.pos_embed': torch.zeros(1, 64, 64, 768)}, pth)
    with pytest.raises(WeightsError, match=r'vit_b: .* missing'):
        checkpoint.read(str(pth))
    torch.save(print, pth)
    with pytest.raises(WeightsError, match=r'other\.pth.*must hold tensors only') as refused:
        checkpoint.read(str(pth))
    assert len(str(refused.value).splitlines()) == 1
    pth.write_bytes(b'<!DOCTYPE html>\n<title>404</title>\n')
    with pytest.raises(WeightsError, match='not readable') as refused:
        checkpoint.read(str(pth))
    assert len(str(refused.value).splitlines()) == 1


def test_a_cut_off_file_is_refused(halves):
    """A full disk leaves such files."""
    halves[1].write_bytes(halves[1].read_bytes()[:-1000])
    with pytest.raises(WeightsError, match='not readable'):
        checkpoint.read(str(halves[1]))


@pytest.mark.parametrize(
    'source',
    [
        *('random:vit_x:0', 'random:vit_tiny:-1', 'random:vit_tiny', 'random:'),
        *('random:vit_tiny:0:1', 'random:vit_tiny:\uff11', f'random:vit_tiny:{10**18}'),
    ],
)
def test_wrong_seeds_are_named(source):
    """The error states the rule for seeds."""
    with pytest.raises(WeightsError, match='random:ARCH:SEED'):
        checkpoint.read(source)


def test_architectures_travel_in_the_header():
    """Every architecture survives the way through a header; nonsense there is refused."""
    for arch in ARCHITECTURES.values():
        assert Architecture.from_json(arch.to_json()) == arch
    for text in ('', '[]', '{"name": "x"}', '{"global_blocks": 5}'):
        with pytest.raises(ConfigError):
            Architecture.from_json(text)
    with pytest.raises(ConfigError, match='heads'):
        Architecture(name='x', dim=10, depth=2, heads=3, global_blocks=(1,))

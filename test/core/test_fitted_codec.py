"""A codec that is fitted to a model keeps its promises, and both ends must have the same one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core import codec, wire
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.codec import RATIOS
from pedsam_ros.core.errors import BadBatch, BadReply, ConfigError, WeightsError
from pedsam_ros.core.model import checkpoint, fitted_codec, loading
from pedsam_ros.core.model.fitted_codec import PREFIX, FittedCodec
from pedsam_ros.core.model.local_pipeline import LocalPipeline

SHAPE = (4, 2, fakes.TINY.dim)
TOKENS = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
OTHER = fakes.codec(1).dtype(8)


@pytest.mark.parametrize('ratio', RATIOS)
def test_every_coordinate_comes_back_within_half_a_step(ratio):
    """Or, beyond the last step, as that step. Directions without bits come back as the mean."""
    made, row = fakes.codec(), RATIOS.index(ratio)
    back = made.decode(made.encode(TOKENS, made.dtype(ratio)), SHAPE, made.dtype(ratio))
    sent, came = ((torch.from_numpy(each) - made.mean) @ made.basis for each in (TOKENS, back))
    bits, step = made.bits[row].repeat_interleave(8), made.steps[row]
    last = (2**bits - 1) / 2 * step
    wanted = sent.clamp(-last, last)
    assert ((came - wanted).abs() <= step / 2 + 1e-5)[..., bits > 0].all()
    assert (came[..., bits == 0].abs() < 1e-5).all()
    assert ((came - wanted).abs() > step / 8).any()  # so the bound is near what happens


@pytest.mark.parametrize('ratio', RATIOS)
def test_what_came_back_stays_as_it_is(ratio):
    """A second way through the codec changes no bit of the packed bytes."""
    made, dtype = fakes.codec(), fakes.codec().dtype(ratio)
    once = made.encode(TOKENS, dtype)
    assert made.encode(made.decode(once, SHAPE, dtype), dtype) == once


@pytest.mark.parametrize('ratio', RATIOS)
@pytest.mark.parametrize('shape', [(4, 4), (4, 2), (1, 1)])
def test_sizes_do_not_depend_on_the_content(ratio, shape):
    """A window's bytes tell its shape alone, and are so many times fewer than float16's."""
    made, size = fakes.codec(), (*shape, fakes.TINY.dim)
    plain = codec.size_bytes(size, 'float16')
    for values in (
        np.zeros(size),
        np.full(size, 1e30),
        np.random.default_rng(1).normal(size=size),
    ):
        packed = made.encode(values.astype(np.float32), made.dtype(ratio))
        assert ratio * len(packed) == plain == ratio * codec.size_bytes(size, made.dtype(ratio))


def test_windows_are_packed_alone():
    """A token's bytes do not depend on its neighbours."""
    made, dtype = fakes.codec(), fakes.codec().dtype(4)
    rows = [made.encode(TOKENS[i : i + 1], dtype) for i in range(4)]
    assert b''.join(rows) == made.encode(TOKENS, dtype)


def test_names_and_sizes_fit_the_messages():
    """Of every model that can be sent at all."""
    for arch in ARCHITECTURES.values():
        whole = (arch.window, arch.window, arch.dim)
        for ratio in RATIOS:
            name = codec.fitted_dtype(ratio, 'f' * codec.ID_DIGITS)
            assert len(name) <= 16
            assert codec.size_bytes(whole, name) < wire.MOST_VALUES
            assert wire.embedding_size(arch, name) < wire.embedding_size(arch, 'int8')


def test_tokens_that_are_no_numbers_are_refused():
    """The codec would make some number of them, and nobody would notice."""
    broken = TOKENS.copy()
    broken[1, 1, 3] = np.nan
    with pytest.raises(BadBatch, match='NaN'):
        fakes.codec().encode(broken, fakes.codec().dtype(8))


def test_any_bytes_of_the_right_size_are_a_finite_embedding():
    """So a worker can lie with a codec as with plain numbers, and not more."""
    made, dtype = fakes.codec(), fakes.codec().dtype(4)
    size = codec.size_bytes(SHAPE, dtype)
    for data in (b'\xff' * size, bytes(size), np.random.default_rng(0).bytes(size)):
        assert np.isfinite(made.decode(data, SHAPE, dtype)).all()
    with pytest.raises(BadBatch, match=f'{size - 1} bytes'):
        made.decode(bytes(size - 1), SHAPE, dtype)


@pytest.mark.parametrize(
    ('name', 'change', 'told'),
    [
        ('mean', lambda mean: mean[:-1], 'mean'),
        ('mean', lambda mean: mean[None], 'mean'),
        ('mean', lambda mean: mean * float('nan'), 'mean.*NaN'),
        ('mean', lambda mean: mean * 1e9, 'mean'),
        ('basis', lambda basis: basis * 1.01, 'orthonormal'),
        ('basis', lambda basis: basis[:, :30], 'multiple of 8'),
        ('basis', lambda basis: torch.ones(32), 'basis'),
        ('basis', lambda basis: basis[:, [0, *range(31)]], 'orthonormal'),
        ('steps', lambda steps: steps * 0, 'steps'),
        ('steps', lambda steps: -steps, 'steps'),
        ('steps', lambda steps: steps * 1e9, 'steps'),
        ('steps', lambda steps: steps[:2], 'steps'),
        ('bits', lambda bits: bits + 0.5, 'whole numbers'),
        ('bits', lambda bits: bits.flip(1), 'none larger'),
        ('bits', lambda bits: bits * 3, 'whole numbers'),
        ('bits', lambda bits: bits - 1, 'whole numbers'),
        ('bits', lambda bits: bits.flip(0), 'bytes a token'),
        ('bits', lambda bits: torch.empty(3, 0), 'bits'),
    ],
)
def test_a_codec_that_breaks_a_rule_is_refused(name, change, told):
    """The error names the part and the rule."""
    with pytest.raises(WeightsError, match=told):
        replace(fakes.codec(), **{name: change(getattr(fakes.codec(), name))})


def test_a_codec_travels_in_the_files_of_both_halves(tmp_path):
    """It changes no model_id; of all that is in a file, it must be the model's own."""
    weights = fakes.coded_weights()
    read = [checkpoint.read(str(path)) for path in loading.split(weights, tmp_path, 'tiny')]
    assert {each.codec.id for each in read} == {weights.codec.id}
    assert {each.model_id for each in read} == {fakes.weights().model_id}
    assert not any(name.startswith(PREFIX) for each in read for name in each.tensors)
    plain = checkpoint.write(fakes.weights(), tmp_path / 'plain.safetensors')
    assert checkpoint.read(str(plain)).codec is None


def test_a_file_with_half_a_codec_is_refused(tmp_path):
    """And one whose codec belongs to a model of another width."""
    tensors = dict(fakes.codec().tensors)
    with pytest.raises(WeightsError, match='codec of 32 channels: this model has 192'):
        FittedCodec.taken(dict(tensors), 192)
    del tensors[f'{PREFIX}steps']
    weights = replace(fakes.weights(), tensors={**fakes.weights().tensors, **tensors})
    path = checkpoint.write(weights, tmp_path / 'half.safetensors')
    with pytest.raises(WeightsError, match='a codec has mean, basis, steps, bits'):
        checkpoint.read(str(path))


def test_ids_tell_codecs_apart():
    """Any changed value gives another id, and equal ones the same."""
    made = fakes.codec()
    for name in ('mean', 'steps'):
        assert replace(made, **{name: getattr(made, name) * 1.0001}).id != made.id
    assert replace(made).id == made.id != fakes.codec(1).id


def test_an_edge_without_a_codec_says_how_to_get_one():
    """Before anything is sent. With plain numbers it needs none."""
    edge = loading.load_edge(fakes.weights())
    assert edge.reply_dtype('int8', 8) == 'int8'
    with pytest.raises(ConfigError, match='pedsam fit-codec'):
        edge.reply_dtype('codec', 8)


def test_a_reply_by_another_codec_is_not_read():
    """It has the right size, and its values would be nonsense."""
    edge = fakes.edge(transport='codec')
    _, assignments = edge.start(fakes.frame(), 0.0, fakes.ALL)
    worker, reply = fakes.replies(assignments)[0]
    with pytest.raises(BadReply, match='asked was'):
        edge.accept(worker, replace(reply, dtype=OTHER))
    edge.accept(worker, reply)


@pytest.mark.parametrize('ratio', RATIOS)
def test_split_files_give_the_masks_of_one_process(ratio, tmp_path):
    """To the last bit, whatever the ratio: worker and edge read their codec from their files."""
    files = loading.split(fakes.coded_weights(), tmp_path, 'tiny')
    worker = loading.load_worker(checkpoint.read(str(files[0])))
    local = LocalPipeline(fakes.edge(transport='codec', codec_ratio=ratio), fakes.worker())
    apart = replace(local, worker=worker)
    frame = fakes.frame()
    one, other = local.encode(frame), apart.encode(frame)
    assert torch.equal(one.embedding, other.embedding)
    plain = LocalPipeline(fakes.edge(transport='float32'), fakes.worker()).encode(frame)
    assert not torch.equal(one.embedding, plain.embedding)


def test_only_its_own_names_are_packed():
    """Plain types are packed as ever, beside a codec and without one."""
    made = fakes.codec()
    assert fitted_codec.encode(TOKENS, 'int8', made) == codec.encode(TOKENS, 'int8')
    for fitted in (made, None):
        with pytest.raises(BadBatch, match='dtype='):
            fitted_codec.encode(TOKENS, OTHER, fitted)
        with pytest.raises(BadBatch, match='dtype='):
            fitted_codec.decode(b'', SHAPE, OTHER, fitted)

"""Weights of others are looked at before they take memory or time."""

import os
import zipfile
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file

import fakes
from pedsam_ros.core.architecture import ARCHITECTURES, Architecture
from pedsam_ros.core.errors import ConfigError, WeightsError
from pedsam_ros.core.model import checkpoint

VIT_B = asdict(ARCHITECTURES['vit_b'])


@pytest.mark.parametrize(
    'source', ['~nobody-of-this-name/a.pth', 'a\0b', 'x' * 300, '/dev/zero', '/tmp', 'a\n\x1b[2J']
)
def test_names_that_are_no_files_are_named(source):
    """In one line that a terminal can show; nothing but WeightsError is raised."""
    with pytest.raises(WeightsError, match='checkpoint=') as refused:
        checkpoint.read(source)
    assert str(refused.value).isprintable()


def test_a_pipe_is_not_waited_for(tmp_path):
    """Opening it would never end."""
    os.mkfifo(tmp_path / 'a.pth')
    with pytest.raises(WeightsError, match='no such file'):
        checkpoint.read(str(tmp_path / 'a.pth'))


@pytest.mark.parametrize(
    ('size', 'value'),
    [
        ('depth', 10**6),
        ('depth', 0),
        ('dim', 10**9),
        ('heads', 129),
        ('image_px', 2**20),
        ('window', 65),
        ('embedding_dim', 8 * 10**6),
        ('embedding_dim', 24),
        ('refine_px', -8),
        ('patch_px', 1),
        ('dim', 768.0),
        ('dim', True),
        ('dim', '768'),
        ('dim', None),
        ('depth', 10**400),
        ('name', 'x' * 10**6),
        ('name', '\x1b[2J'),
        ('global_blocks', (0.5,)),
        ('global_blocks', 5),
        ('global_blocks', (1,) * 10**6),
    ],
)
def test_sizes_without_bounds_make_no_architecture(size, value):
    """The error names the size, in a short line."""
    with pytest.raises(ConfigError, match=size) as refused:
        Architecture(**{**VIT_B, size: value})
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


def test_sizes_within_their_bounds_may_be_too_large_together():
    """A hundred billion weights, or a canvas that attention has no memory for."""
    with pytest.raises(ConfigError, match='25769803776 weights'):
        Architecture(**{**VIT_B, 'depth': 128, 'dim': 4096, 'heads': 16})
    with pytest.raises(ConfigError, match='a side of 256 tokens'):
        Architecture(**{**VIT_B, 'image_px': 4096})


@pytest.mark.parametrize('text', ['[' * 3000, '{"depth": 1, "depth": 2}', '9' * 4000, ' ' * 5000])
def test_headers_that_are_no_architecture_are_refused(text):
    """Whatever Python's JSON raises for them."""
    with pytest.raises(ConfigError, match='not an architecture'):
        Architecture.from_json(text)


@pytest.mark.parametrize(
    'value',
    [
        torch.zeros(1, 18, 18, 32, dtype=torch.complex64),
        torch.zeros(1, 18, 18, 32, dtype=torch.int64),
        torch.zeros(1, 18, 18, 32).to_sparse(),
        'a text',
    ],
)
def test_tensors_of_other_kinds_are_refused(value, tmp_path, monkeypatch):
    """torch would drop what is imaginary, with a warning."""
    monkeypatch.setitem(checkpoint.ARCHITECTURES, 'tiny', fakes.TINY)
    path = tmp_path / 'a.pth'
    torch.save({**fakes.weights().tensors, 'image_encoder.pos_embed': value}, path)
    with pytest.raises(WeightsError, match='pos_embed'):
        checkpoint.read(str(path))


def test_complex_padding_is_refused(tmp_path):
    """Each tensor of our own files is looked at, too."""
    save_file(
        {checkpoint.PADDING: torch.zeros(2, dtype=torch.complex64)},
        tmp_path / 'a.safetensors',
        {'format': 'pedsam-1'},
    )
    with pytest.raises(WeightsError, match='complex64'):
        checkpoint.read(str(tmp_path / 'a.safetensors'))


def test_a_packed_pth_is_refused(tmp_path):
    """A megabyte of it could stand for gigabytes."""
    torch.save({'image_encoder.pos_embed': torch.zeros(2**20)}, tmp_path / 'plain.pth')
    with (
        zipfile.ZipFile(tmp_path / 'plain.pth') as plain,
        zipfile.ZipFile(tmp_path / 'a.pth', 'w', zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    with pytest.raises(WeightsError, match='bytes once unpacked, in a file of'):
        checkpoint.read(str(tmp_path / 'a.pth'))


def test_a_header_of_megabytes_is_refused(tmp_path):
    """That of ViT-H has 60 kB."""
    (tmp_path / 'a.safetensors').write_bytes((2**21).to_bytes(8, 'little') + b' ' * 2**21)
    with pytest.raises(WeightsError, match='a header of 2097152 bytes'):
        checkpoint.read(str(tmp_path / 'a.safetensors'))


@pytest.mark.parametrize(('key', 'value'), [('order', 'x\x1b'), ('worker', 'zz'), ('edge', '')])
def test_a_header_that_is_damaged_is_refused(key, value, tmp_path):
    """The order of the blocks is one that we know, and hashes look like hashes."""
    weights = fakes.weights()
    metadata = {'format': 'pedsam-1', 'architecture': weights.arch.to_json(), 'order': 'sam'}
    metadata |= {**weights.hashes, key: value}
    tensors = {name: tensor.contiguous() for name, tensor in weights.tensors.items()}
    save_file(tensors, tmp_path / 'a.safetensors', metadata)
    with pytest.raises(WeightsError, match='damaged'):
        checkpoint.read(str(tmp_path / 'a.safetensors'))

"""Targets of `python test/fuzz.py` that read files: images, weights, bags, lists of images."""

from __future__ import annotations

import atexit
import json
import os
import random
import shutil
import struct
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from fuzz_cases import Maker, of_bytes, of_json, of_texts
from fuzz_targets import target
from mcap.writer import CompressionType
from PIL import Image as PillowImage

import fakes
import foreign_bags
from pedsam_ros.bags.bag_files import files_of
from pedsam_ros.bags.image_files import read_stamps
from pedsam_ros.bags.rosbag import Bag
from pedsam_ros.bags.unpacking import unpacked
from pedsam_ros.core import architecture, pixels
from pedsam_ros.core.errors import BadImage, ConfigError, WeightsError
from pedsam_ros.core.model import checkpoint
from pedsam_ros.evaluation.coco import read_coco
from pedsam_ros.evaluation.label_maps import read_label_maps
from pedsam_ros.evaluation.samples import Rules
from pedsam_ros.learn.asset_pack import AssetPack

_SHARED = '/dev/shm'
FOLDER = Path(
    tempfile.mkdtemp(prefix='pedsam-fuzz-', dir=_SHARED if os.path.isdir(_SHARED) else None)
)
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)  # children end without this
RGB = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
MOST_PX = 2**20
SUFFIXES = ('.png', '.jpg', '.tiff', '.webp', '.bmp', '.ppm')
TOKENS = (b'IDAT', b'zTXt', b'iTXt', b'acTL', b'\xff\xda', b'\xff\xc4', b'VP8X', b'VP8L', b'ANIM')


def image_files() -> list[bytes]:
    """Small files of every kind: 8 and 16 bits, grey, with alpha, progressive, animated."""
    found = [cv2.imencode(suffix, RGB)[1].tobytes() for suffix in SUFFIXES]
    deep = RGB.astype(np.uint16) * 257
    found += [cv2.imencode(suffix, deep)[1].tobytes() for suffix in ('.png', '.tiff')]
    found += [cv2.imencode('.png', RGB[..., 0])[1].tobytes()]
    found += [cv2.imencode('.png', np.dstack([RGB, RGB[..., 0]]))[1].tobytes()]
    found += [cv2.imencode('.jpg', RGB, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()]
    frames = [PillowImage.fromarray(RGB), PillowImage.fromarray(255 - RGB)]
    for kind in ('gif', 'webp', 'png', 'tiff'):
        path = FOLDER / f'frames.{kind}'
        frames[0].save(path, kind, save_all=True, append_images=frames[1:])
        found.append(path.read_bytes())
    text = zlib.compress(bytes(2**20))
    chunk = struct.pack('>I', 5 + len(text)) + b'zTXt' + b'key\0\0' + text
    found.append(found[0][:33] + chunk + struct.pack('>I', zlib.crc32(chunk[4:])) + found[0][33:])
    return found


IMAGES = image_files()


@target('image_files', of_bytes(IMAGES, TOKENS), BadImage, most_mb=96)
def _image_files(case: bytes) -> None:
    rgb = pixels.decode(case, upright=bool(len(case) % 2), most_px=MOST_PX)
    assert rgb.shape[0] * rgb.shape[1] <= MOST_PX
    assert rgb.shape[2] == 3


def _file(name: str, content: bytes | str) -> Path:
    path = FOLDER / name
    data = content.encode(errors='surrogateescape') if isinstance(content, str) else content
    path.write_bytes(data)
    return path


@cache
def _weights(suffix: str) -> bytes:
    path = FOLDER / f'seed{suffix}'
    if suffix == '.safetensors':
        checkpoint.write(fakes.weights().half('worker'), path)
    else:
        torch.save(dict(fakes.weights().tensors), path)
    return path.read_bytes()


def _weights_case(suffix: str) -> Maker:
    """Changes the header mostly: the tensors are many bytes that mean little."""

    def changed(rng: random.Random) -> bytes:
        return bytes(of_bytes([_weights(suffix)])(rng))

    def make(rng: random.Random) -> bytes:
        whole = _weights(suffix)
        head = 8 + int.from_bytes(whole[:8], 'little') if suffix == '.safetensors' else len(whole)
        if suffix != '.safetensors' or rng.random() < 0.2:
            return changed(rng)
        header = json.loads(whole[8:head])
        text = of_json([header])(rng).encode(errors='surrogateescape')
        length = rng.choice((len(text), len(text), len(text), 2**40, 0))
        return b''.join([length.to_bytes(8, 'little'), text, whole[head:]])

    return make


@target('safetensors', _weights_case('.safetensors'), WeightsError, most_mb=256)
def _safetensors(case: bytes) -> None:
    read = checkpoint.read(str(_file('fuzzed.safetensors', case)))
    checkpoint.check_half(read, 'worker')


@target('pth', _weights_case('.pth'), WeightsError, most_mb=256)
def _pth(case: bytes) -> None:
    architecture.ARCHITECTURES.setdefault('tiny', fakes.TINY)  # in this process alone
    checkpoint.read(str(_file('fuzzed.pth', case)))


SOURCES = ('random:vit_x:0', 'random:vit_b:-1', '~nouser/a.pth', '/dev/zero', '/tmp', 'a\0b')


@target('checkpoint_names', of_texts([*SOURCES, 'x' * 300]), WeightsError)
def _checkpoint_names(case: str) -> None:
    if not case.startswith('random:vit_'):  # one that is right takes a second
        checkpoint.read(case)


def _bags() -> dict[str, list[bytes]]:
    rows = [(10**9 + i, foreign_bags.string_cdr(f'message {i}')) for i in range(5)]
    topics = {'/text': (foreign_bags.STRING, 'cdr', rows)}
    mcaps = [
        foreign_bags.mcap(FOLDER / 'seed.mcap', topics, compression, chunk_size=100).read_bytes()
        for compression in CompressionType
    ]
    foreign_bags.sqlite(FOLDER / 'seed.db3', {'/text': (foreign_bags.STRING, rows)}).close()
    return {'mcap': mcaps, 'db3': [(FOLDER / 'seed.db3').read_bytes()]}


BAGS = _bags()


def _read_bag(path: Path) -> None:
    with Bag(path) as bag:
        for _ in bag.records([*bag.contents], lambda *_: None):
            pass


@target('mcap', of_bytes(BAGS['mcap']), ConfigError, most_mb=512)
def _mcap(case: bytes) -> None:
    _read_bag(_file('fuzzed.mcap', case))


@target('sqlite', of_bytes(BAGS['db3']), ConfigError, most_mb=512)
def _sqlite(case: bytes) -> None:
    _read_bag(_file('fuzzed.db3', case))


PACKED = [foreign_bags.bomb(2**12), foreign_bags.bomb(2**26)]


@target('zstd', of_bytes(PACKED), ValueError, most_mb=96)
def _zstd(case: bytes) -> None:
    unpacked(case, 'zstd', 2**24)


METADATA = """rosbag2_bagfile_information:
  version: 8
  storage_identifier: mcap
  relative_file_paths:
    - fuzzed.mcap
  compression_format: ""
  compression_mode: ""
"""


@target('metadata_yaml', of_texts([METADATA]), ConfigError)
def _metadata(case: str) -> None:
    _file('fuzzed.mcap', BAGS['mcap'][0])
    _file('metadata.yaml', case)
    files_of(FOLDER)


SEGMENTS = [{'id': 1, 'thing': True}]
INDEX = [{'source': 's', 'name': 'n', 'width': 32, 'height': 24, 'segments': SEGMENTS}]
POLYGON = {'id': 1, 'image_id': 1, 'iscrowd': 0, 'segmentation': [[1, 1, 20, 1, 20, 20]]}
CROWD: dict[str, Any] = {'id': 2, 'image_id': 1, 'iscrowd': 1}
CROWD |= {'segmentation': {'size': [24, 32], 'counts': [10, 700, 58]}}
COCO: dict[str, Any] = {
    'images': [{'id': 1, 'height': 24, 'width': 32, 'file_name': 'a.jpg'}],
    'annotations': [POLYGON, CROWD],
    'categories': [],
}


@target('label_maps', of_json([INDEX]), ConfigError, BadImage)
def _label_maps(case: str) -> None:
    _file('index.json', case)
    (FOLDER / 's').mkdir(exist_ok=True)
    if not (FOLDER / 's' / 'n.png').exists():
        cv2.imwrite(str(FOLDER / 's' / 'n.png'), (RGB[..., 0] > 99).astype(np.uint16))
    list(read_label_maps(FOLDER, Rules(), limit=3))


@target('coco', of_json([COCO]), ConfigError, most_mb=256)
def _coco(case: str) -> None:
    (FOLDER / 'annotations').mkdir(exist_ok=True)
    _file('annotations/instances_val2017.json', case)
    list(read_coco(FOLDER, Rules(), limit=3))


def _pack() -> bytes:
    picture = cv2.imencode('.png', np.dstack([RGB, RGB[..., 0]]))[1].tobytes()
    entries = [{'kind': 'cutout', 'file': 'a.png'}, {'kind': 'background', 'file': 'b.jpg'}]
    with zipfile.ZipFile(FOLDER / 'seed.zip', 'w') as pack:
        pack.writestr('index.json', json.dumps(entries))
        pack.writestr('a.png', picture)
        pack.writestr('b.jpg', IMAGES[1])
    return (FOLDER / 'seed.zip').read_bytes()


@target('asset_pack', of_bytes([_pack()]), ConfigError)
def _asset_pack(case: bytes) -> None:
    AssetPack.open(_file('fuzzed.zip', case))


@target('stamps', of_texts(['1.5\n2.25\n3\n']), ConfigError)
def _stamps(case: str) -> None:
    read_stamps(_file('stamps.txt', case))

"""Targets of `python test/fuzz.py` that read messages: of workers, of the camera, of people."""

from __future__ import annotations

import math
import random
from array import array
from types import SimpleNamespace as Fake
from typing import Any

import numpy as np
from fuzz_cases import FLOATS, INTEGERS, TEXTS, of_bytes, of_fields, of_texts
from fuzz_targets import target
from fuzz_targets_files import IMAGES, MOST_PX, TOKENS
from sensor_msgs.msg import CompressedImage, Image

import fakes
from pedsam_ros.core import wire
from pedsam_ros.core.errors import BadBatch, BadImage, BadPrompt, BadReply
from pedsam_ros.core.pixels import check_size
from pedsam_ros.core.prompts import sift
from pedsam_ros.core.router import Region, add_region
from pedsam_ros.core.windows import Canvas
from pedsam_ros.ros import convert, images, regions, ros_arguments, yuv

WINDOW = {
    'request_id': 7,
    'model_id': fakes.weights().model_id,
    'window': 0,
    'offset_rows': 0,
    'offset_columns': 0,
    'top': 0,
    'left': 0,
    'height': 64,
    'width': 64,
    'reply_dtype': 'float16',
    'within_s': 1.0,
    'pixels': bytes(64 * 64 * 3),
}
EMBEDDING = {
    'request_id': 7,
    'model_id': fakes.weights().model_id,
    'window': 0,
    'height': 4,
    'width': 4,
    'channels': 32,
    'dtype': 'float16',
    'encode_s': 0.1,
    'values': bytes(4 * 4 * 32 * 2),
}
STATUS: dict[str, Any] = {name: 1 for name in ('foreign', 'queued', 'encoded', 'rejected')}
STATUS |= {'model_id': 'a' * 16, 'architecture': 'tiny', 'encode_s': 0.1, 'codec_id': 'c' * 12}
STATUS['last_error'] = 'x' * 200
PROMPT = {'points': [1.0, 2.0, 3.0, 4.0], 'labels': [1, 0], 'box': [1.0, 2.0, 30.0, 40.0]}
IMAGE = {'height': 24, 'width': 32, 'step': 96, 'is_bigendian': 0, 'encoding': 'rgb8'}
ENCODINGS = (*images._LAYOUTS, *yuv.PLANAR, 'x' * 10**6, '\x1b[2J')


@target('window', of_fields([WINDOW]), BadBatch)
def _window(case: dict[str, Any]) -> None:
    fakes.worker().check(convert.window_from_msg(Fake(**case)))


@target('embedding', of_fields([EMBEDDING]), BadReply, BadBatch)
def _embedding(case: dict[str, Any]) -> None:
    reply = convert.embedding_from_msg(Fake(**case))
    assert np.isfinite(fakes.edge_half().checked('alice', reply, 'float16')).all()


@target('status', of_fields([STATUS]), BadBatch)
def _status(case: dict[str, Any]) -> None:
    assert 0.0 <= convert.status_from_msg(Fake(**case)).encode_s <= wire.MOST_S


def _prompts_case(rng: random.Random) -> list[Fake]:
    make, many = of_fields([PROMPT, {'points': [], 'labels': [], 'box': []}]), rng.choice((1, 3))
    return [Fake(**make(rng)) for _ in range(many)] * rng.choice((1, 1, 1, 2000))


@target('prompts', _prompts_case, BadPrompt)
def _prompts(case: list[Fake]) -> None:
    good, _ = sift(convert.prompts_from_msg(case), (48, 64))
    for prompt in good.values():
        assert all(math.isfinite(value) for point in prompt.points for value in point)


def _image_case(rng: random.Random) -> Image:
    fields = of_fields([IMAGE])(rng)
    rows, step = fields['height'], fields['step']
    if rng.random() < 0.5:
        fields['encoding'] = rng.choice(ENCODINGS)
    size = rows * step if rows * step < 2**24 and rng.random() < 0.8 else rng.choice(INTEGERS[:20])
    size = size * 3 // 2 if rng.random() < 0.3 else size
    msg = Image(data=array('B', rng.randbytes(64) * (size // 64) + bytes(size % 64)))
    msg.height, msg.width = rows % 2**32, fields['width'] % 2**32
    msg.step, msg.is_bigendian = step % 2**32, fields['is_bigendian'] % 2
    msg.encoding = fields['encoding'].encode(errors='ignore').decode()
    return msg


@target('raw_images', _image_case, BadImage, most_mb=256)
def _raw_images(case: Image) -> None:
    rgb = images.rgb_from_image(case, MOST_PX)
    assert rgb.shape == (case.height, case.width, 3)
    check_size(*rgb.shape[:2], MOST_PX)


FORMATS = ['jpeg', 'rgb8; png compressed bgr8', 'bayer_rggb8; jpeg compressed bayer_rggb8']


def _compressed_case(rng: random.Random) -> CompressedImage:
    text = of_texts(FORMATS)(rng).encode(errors='ignore').decode()
    return CompressedImage(format=text, data=array('B', of_bytes(IMAGES, TOKENS)(rng)))


@target('compressed_images', _compressed_case, BadImage, most_mb=96)
def _compressed(case: CompressedImage) -> None:
    images.rgb_from_compressed(case, MOST_PX)


def _detection_case(rng: random.Random) -> Any:
    x, y, theta, size_x, size_y = (rng.choice((*FLOATS, 5.0, 20.0, -3.0)) for _ in range(5))
    centre = Fake(position=Fake(x=x, y=y), theta=theta)
    one = Fake(bbox=Fake(center=centre, size_x=size_x, size_y=size_y))
    return Fake(detections=[one] * rng.choice((1, 1, 2000)))


@target('detections', _detection_case)
def _detections(case: Any) -> None:
    canvas = Canvas.fit(fakes.TINY, 96, 128)
    kept: dict[Region, float] = {}
    for region in regions.regions_from_detections(case):
        add_region(kept, region, 1.0)
    for region in kept:
        assert region[0] <= region[2]
        assert region[1] <= region[3]
        canvas.windows_of(region)


@target('ros_arguments', of_texts(['points:=[1, 2.0]', 'a:=', 'b:=[1, [2]]'], TEXTS))
def _ros_arguments(case: str) -> None:
    text = ros_arguments.explain(ValueError('x'), ['-p', case, '--params-file', case])
    assert len(text) < 10_000

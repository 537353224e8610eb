"""Draws a small asset pack, and names a model small enough to train in a test."""

import json
import zipfile
from dataclasses import replace

import cv2
import numpy as np

import fakes

SMALL = replace(fakes.FINE, name='small', image_px=96)


def write_assets(path, drop=()):
    """Writes a pack with pictures of every kind except those in `drop`; returns its path."""
    rng = np.random.default_rng(0)
    pictures = {
        'cutouts/disc.webp': ('cutout', _shape(rng, round_=True)),
        'cutouts/bar.webp': ('cutout', _shape(rng, round_=False)),
        'cliparts/disc.webp': ('clipart', _shape(rng, round_=True)),
        'backgrounds/a.jpg': ('background', _photo(rng, 320, 480)),
        'backgrounds/b.jpg': ('background', _photo(rng, 480, 320)),
        'textures/a.jpg': ('texture', _photo(rng, 128, 128)),
    }
    kept = {name: entry for name, entry in pictures.items() if entry[0] not in drop}
    with zipfile.ZipFile(path, 'w') as pack:
        for name, (_, picture) in kept.items():
            suffix = name[name.rindex('.') :]
            pack.writestr(name, cv2.imencode(suffix, picture)[1].tobytes())
        entries = [{'file': name, 'kind': kind} for name, (kind, _) in kept.items()]
        pack.writestr('index.json', json.dumps(entries))
    return path


def _shape(rng, round_):
    picture = np.zeros((60, 90, 4), np.uint8)
    picture[..., :3] = rng.integers(0, 256, 3)
    if round_:
        alpha = np.zeros((60, 90), np.uint8)
        cv2.ellipse(alpha, (45, 30), (40, 26), 0, 0, 360, 255, -1)
        picture[..., 3] = alpha
    else:
        picture[10:50, 5:85, 3] = 255
    return picture


def _photo(rng, height, width):
    coarse = rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)

"""Figures and pictures of an audit that nobody ran."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from pedsam_ros.audit.outcome import FORMAT
from pedsam_ros.audit.section import Exhibit

HOSTILE = '<script>alert("x")</script>&$1$'
SECTIONS = (
    'single_frame',
    'coalitions',
    'over_time',
    'return_path',
    'content',
    'side_channels',
)


def mean(value: Any, error: Any = 0.2) -> dict[str, Any]:
    """A mean over 5 images, as JSON has it."""
    return {'mean': value, 'standard_error': error, 'count': 5}


def attack(gain_db: Any) -> dict[str, Any]:
    """Figures of an attack on one frame."""
    bands = {'0_4_px': mean(gain_db), 'over_32_px': mean(None)}
    return {
        'gain_db': mean(gain_db),
        'psnr_db': mean(15.0),
        'ssim': mean(0.4, 0.01),
        'cpu_s': 0.2,
        'gain_by_distance_db': bands,
    }


def figures(learned_db: Any = 2.6, harmonic_db: Any = 2.3) -> dict[str, Any]:
    """All figures of an audit of three workers."""
    weak = None if None in (learned_db, harmonic_db) else learned_db < harmonic_db
    attacks = {'nearest': attack(0.8), 'harmonic': attack(harmonic_db)}
    own = {
        'share_seen': mean(0.33, 0.01),
        'attacks': attacks | {'learned': attack(learned_db)},
        'references': {'mean': attack(0.0), 'blur_10': attack(10.3), 'everything': attack(46.0)},
    }
    joined = {
        str(size): {'coalitions': 3, 'share_seen': mean(size / 3), 'gain_db': mean(2.0), **NOTHING}
        for size in (1, 2, 3)
    }
    back = {'ridge': {'psnr_db': mean(27.0), 'ssim': mean(0.72)}}
    found: dict[str, Any] = {
        'single_frame': {'workers': {'2': deepcopy(own), '3': own, '7': None}, 'weak': weak},
        'coalitions': {'attack': 'learned', 'workers': {'3': joined, '4': None}},
        'over_time': {},
        'return_path': {'dtypes': {'float16': back, 'int8': back}, 'references': {'blur': back}},
        'content': {},
        'side_channels': {},
    }
    for name in SECTIONS:
        found[name] |= {'took_s': 1.0, 'command': f'pedsam audit --sections {name}'}
    return _top() | found


NOTHING = {'ssim': None, 'cpu_s': None}


def _top() -> dict[str, Any]:
    settings = {'workers': 3, 'model_id': '0123456789abcdef', 'architecture': 'vit_tiny'}
    settings |= {'seed': 0, 'images': 5, 'stills': ['cup', 'cat'], 'motion': ['cup']}
    return {
        'format': FORMAT,
        'story': ['A line.'],
        'settings': settings,
        'minutes': 3.5,
        'cpu_minutes': 6.0,
        'command': 'pedsam audit',
        'machine': {'system': 'Linux', 'cores': 2},
        'versions': {'python': '3.11'},
    }


def exhibits() -> dict[str, list[Exhibit]]:
    """A picture of each section."""
    rgb = np.random.default_rng(0).integers(0, 256, (216, 1164, 3), np.uint8)
    return {name: [Exhibit(rgb, f'A picture, +2.3 dB, of {name}.')] for name in SECTIONS}


def spoilt(found: Any, value: Any) -> Any:
    """The same figures with `value` in place of every number and of every text."""
    if isinstance(found, dict):
        return {key: spoilt(each, value) for key, each in found.items()}
    if isinstance(found, list):
        return [spoilt(each, value) for each in found]
    return value

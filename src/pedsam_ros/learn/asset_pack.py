"""Reads the asset pack of training scenes: one zip of cut-outs, photographs and textures."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import parsed_json
from pedsam_ros.core.shown import shown
from pedsam_ros.core.types import Pixels

_MOST_BYTES = 2**26  # of its index.json
KINDS = ('cutout', 'clipart', 'background', 'texture')


@dataclass(frozen=True, slots=True, eq=False)
class AssetPack:
    """Decoded pictures by kind, uint8.

    Cut-outs and clip art are RGBA, (h, w, 4); backgrounds and textures are RGB, (h, w, 3).
    """

    pictures: dict[str, list[Pixels]]

    @classmethod
    def open(cls, path: Path) -> AssetPack:
        """Reads a pack into memory.

        Raises ConfigError if the file is not an asset pack, or lacks cut-outs or backgrounds.
        """
        pictures: dict[str, list[Pixels]] = {kind: [] for kind in KINDS}
        try:
            with zipfile.ZipFile(path) as pack:
                for entry in parsed_json(pack.read('index.json'), _MOST_BYTES):
                    kind = entry['kind']
                    channels = 4 if kind in ('cutout', 'clipart') else 3
                    pictures[kind].append(_decode(pack.read(entry['file']), channels))
        except Exception as error:  # zipfile, zlib and OpenCV raise many types for damaged data
            raise ConfigError(
                f'assets={str(path)!r}: not an asset pack ({shown(error, 200)})'
            ) from None
        if not pictures['cutout'] or not pictures['background']:
            raise ConfigError(f'assets={str(path)!r}: needs cut-outs and backgrounds')
        return cls(pictures)


def _decode(data: bytes, channels: int) -> Pixels:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.shape[2:] != (channels,):
        raise ValueError(f'a picture that does not have {channels} channels')
    code = cv2.COLOR_BGRA2RGBA if channels == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(picture, code), np.uint8)

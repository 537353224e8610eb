"""Writes the training pack: cut-outs, backgrounds and textures out of extracted packages.

config/assets.yaml says what is taken; docs/training-data.md explains why.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pedsam_ros.assets import credits, cutouts, render, walking, wavefront
from pedsam_ros.assets.cutouts import Image
from pedsam_ros.assets.files import INSIDE, Tree
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.files import replacing
from pedsam_ros.core.foreign_text import parsed_yaml, read_bounded

FOLDERS = {
    'cutout': 'cutouts',
    'clipart': 'cutouts',
    'background': 'backgrounds',
    'texture': 'textures',
}
LONG_SIDE_PX = {'cutout': 320, 'clipart': 320, 'background': 640, 'texture': 256}
RENDER_PX = 432  # models are drawn at this size, then shrunk, which smooths their edges
WEBP_QUALITY = 88  # of the colours; alpha is stored without loss
JPEG_QUALITY = 90
EPOCH = (
    1980,
    1,
    1,
    0,
    0,
    0,
)  # of every file in the zip: equal inputs must give equal bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One entry of index.json: a picture of the pack and its origin."""

    file: str  # in the pack
    kind: str  # cutout, clipart, background or texture
    group: str  # of objects: people, animals, vehicles or other
    package: str
    version: str
    path: str  # in the package
    licence: str
    credit: str


def write_pack(debs: Path, config: Path, out: Path) -> list[Asset]:
    """Writes the pack `out` from the extracted packages in `debs`; returns its entries.

    Raises ConfigError if the configuration does not fit the packages, BadImage if a picture
    cannot be made; then `out` is left as it was.
    """
    sources = _sources(config)
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as partial, zipfile.ZipFile(partial, 'w', zipfile.ZIP_STORED) as pack:
        assets = [_put(pack, asset, data) for asset, data in _assets(debs, sources)]
        index = json.dumps([asdict(asset) for asset in assets], indent=1, ensure_ascii=False)
        pack.writestr(zipfile.ZipInfo('index.json', EPOCH), index)
    return assets


def _sources(config: Path) -> list[dict[str, Any]]:
    """The sources of a configuration. Raises ConfigError."""
    try:
        return list(parsed_yaml(read_bounded(config))['sources'])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f'{config}: no list of sources: {error}') from error


def _assets(root: Path, sources: list[dict[str, Any]]) -> Iterator[tuple[Asset, bytes]]:
    """Yields every asset with its encoded picture, in the order of the configuration."""
    for source in sources:
        tree = Tree(root / source['package'])
        for take in source['take']:
            settings = {'group': 'other', 'except': [], **source, **take}
            if 'licence' not in settings:
                doc = f'usr/share/doc/{source["package"]}/copyright'
                settings['credits'] = credits.read_credits(tree.read(doc).decode())
            yield from _taken(tree, settings)


def _taken(tree: Tree, take: dict[str, Any]) -> Iterator[tuple[Asset, bytes]]:
    """Yields the assets of one list of files; files without a known licence are left out."""
    root = take.get('root', '')
    wanted, unwanted = ([root + each for each in take[key]] for key in ('files', 'except'))
    for path in tree.matching(wanted, unwanted):
        licence, credit = _credit(tree, path, take)
        if not licence:
            continue
        try:
            pictures = _pictures(tree, path, take)
            for number, picture in enumerate(pictures):
                asset = _entry(take, path, number, licence, credit)
                yield asset, _encoded(picture, take['kind'])
        except BadImage as error:
            raise BadImage(f'{take["package"]}: {path}: {error}') from error


def _pictures(tree: Tree, path: str, take: dict[str, Any]) -> Iterator[Image]:
    """The pictures of one file: one of an image, one for each view of a model."""
    limit_px = LONG_SIDE_PX[take['kind']]
    if FOLDERS[take['kind']] != 'cutouts':
        yield cutouts.fit(cutouts.opaque(tree.image(path)), limit_px)
        return
    if path.endswith('.obj'):
        images = _rendered(tree, path, **take['render'])
    elif take.get('plain'):
        images = iter([cutouts.cut_from_plain(tree.image(path))])
    else:
        images = iter([tree.image(path)])
    for image in images:
        yield cutouts.fit(cutouts.tidy(image), limit_px)


def _rendered(
    tree: Tree, path: str, views: int, pitch_deg: tuple[float, float], swing_deg: float = 0
) -> Iterator[Image]:
    """(RENDER_PX, RENDER_PX, 4) views of a model.

    With a swing above 0 the model is a person who walks: in turn the left and the right leg is
    ahead, by 40 to 100 % of `swing_deg`.
    """
    parts = wavefront.read_obj(tree, path)
    seed = zlib.crc32(path.encode())
    swings = np.deg2rad(swing_deg) * np.random.default_rng(seed).uniform(0.4, 1, views)
    for number, view in enumerate(render.some_views(seed, views, pitch_deg)):
        posed = parts
        if swing_deg:
            posed = walking.step(parts, float(swings[number]) * (-1) ** number)
        yield render.render(posed, view, RENDER_PX)


def _credit(tree: Tree, path: str, take: dict[str, Any]) -> tuple[str, str]:
    """Licence and copyright of a file.

    Both are empty if the take allows only files that the copyright file names, and this one is
    not named there.
    """
    if 'licence' in take:
        return take['licence'], _author(tree, path, take) + take['credit']
    found = credits.credit_of(path, take['credits'])
    if found is None and not take.get('named'):
        found = credits.credit_of_everything(take['credits'])
    return (found.licence, found.holders) if found else ('', '')


def _author(tree: Tree, path: str, take: dict[str, Any]) -> str:
    """The author of a model, if the text file `author_in` beside the model names one."""
    if 'author_in' not in take:
        return ''
    notes = [f'{path.rpartition("/")[0]}/{take["author_in"]}']
    text = ''.join(tree.read(n).decode('utf-8', 'replace') for n in notes if tree.has(n))
    found = re.search(r'Thank you for downloading (".*?" by .*)', text)
    return f'{found[1].strip()}; ' if found else ''


def _entry(take: dict[str, Any], path: str, number: int, licence: str, credit: str) -> Asset:
    kind = take['kind']
    inner = path.split(INSIDE)[-1] if INSIDE in path else path[len(take.get('root', '')) :]
    short = re.sub(r'[^a-z0-9]+', '-', str(Path(inner).with_suffix('')).lower())
    suffix = 'webp' if FOLDERS[kind] == 'cutouts' else 'jpg'
    name = f'{take["package"]}-{short}' + (f'-{number:02}' if number else '')
    return Asset(
        file=f'{FOLDERS[kind]}/{name}.{suffix}',
        path=path,
        licence=licence,
        credit=credit,
        **{key: str(take[key]) for key in ('kind', 'group', 'package', 'version')},
    )


def _encoded(image: Image, kind: str) -> bytes:
    if FOLDERS[kind] == 'cutouts':
        good, data = cv2.imencode('.webp', image, [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY])
    else:
        good, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not good:
        raise BadImage(f'{image.shape}: OpenCV could not encode this')
    return bytes(data)


def _put(pack: zipfile.ZipFile, asset: Asset, data: bytes) -> Asset:
    if asset.file in pack.NameToInfo:
        raise ConfigError(f'{asset.file}: taken twice')
    pack.writestr(zipfile.ZipInfo(asset.file, EPOCH), data)
    return asset

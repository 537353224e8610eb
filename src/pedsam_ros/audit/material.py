"""Gathers what an audit shows to the edge, from photographs, a folder, a video or a bag."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise, zip_longest
from pathlib import Path

from pedsam_ros.audit.scenes import Scene, pan, spread
from pedsam_ros.bags.image_files import SUFFIXES, frames_of, video_frames
from pedsam_ros.bags.image_topics import find_image_topic
from pedsam_ros.bags.rosbag import Bag
from pedsam_ros.bags.sample_photos import photo_paths
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.files import read_image
from pedsam_ros.core.foreign_text import read_json
from pedsam_ros.core.shown import shown
from pedsam_ros.core.types import Pixels
from pedsam_ros.evaluation.label_maps import read_label_maps, sources_of
from pedsam_ros.evaluation.samples import Rules, Sample

LIMIT = 48  # stills, unless the user says otherwise
PANS = 12  # photographs over which an ideal camera turns, at most
MOVING = 96  # frames of a camera that moves, at most
APART = 8  # frames between two stills of one camera, at least
MOST_FILES = 100_000  # of a folder
MOST_READ = 3000  # frames of a bag or a video
MOST_BYTES = 2**30  # of frames that are held
_INDEX, _SEQUENCES = 'index.json', 'sequences.json'
_MOST_INDEX_BYTES = 2**24


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What `Subject` needs of the same names, and what could not be read."""

    stills: Sequence[Scene]
    motion: Sequence[Scene]
    ideal: bool  # whether `motion` are ideal pans
    samples: Sequence[Sample] = ()
    unreadable: Sequence[str] = ()  # what is wrong with each file that was left out


def gather(
    arch: Architecture,
    images: Path | None = None,
    bag: Path | None = None,
    topic: str | None = None,
    limit: int | None = None,
    tell: Callable[[str], None] = print,
) -> Material:
    """The scenes of a folder, a video or a bag; without them, of the demo's photographs.

    At most `limit` stills are taken, 48 by default, evenly spread. A folder is one camera that
    moves if it is named in a sequences.json, or its files are numbered without gaps. `topic` is
    the bag's; by default its first that can be read. `tell` gets a sentence on each topic that is
    passed over. Raises ConfigError if a choice breaks a rule or there is nothing to show.
    """
    if images is not None and bag is not None:
        raise ConfigError(f'images={images} with bag={bag}: give one of them')
    if topic is not None and bag is None:
        raise ConfigError(f'topic={topic!r} without a bag: give the bag it is in')
    if limit is not None and limit < 1:
        raise ConfigError(f'limit={limit}: at least 1')
    most = LIMIT if limit is None else limit
    if bag is not None:
        return _of_bag(bag, topic, most, tell)
    if images is None:
        return _of_photos(photo_paths(), arch, most)
    if not images.exists():
        raise ConfigError(f'{images}: no such folder or video')
    if images.is_file():
        frames = (rgb for _, rgb in frames_of(images))
        return _of_camera(images.stem, frames, most, images, video_frames(images))
    return _of_folder(images, arch, most)


def _of_folder(folder: Path, arch: Architecture, most: int) -> Material:
    if (folder / _INDEX).is_file():
        return _of_label_maps(folder, arch, most)
    if (folder / _SEQUENCES).is_file():
        return _of_sequences(folder, most)
    files = _files(folder)
    if not files:
        raise ConfigError(f'{folder}: no image there ({" ".join(SUFFIXES)})')
    if _is_sequence(folder, files):
        return _of_images(folder, most)
    return _of_photos(spread(files, most), arch, most)


def _of_sequences(folder: Path, most: int) -> Material:
    """Every sequence as one camera; stills of all of them alike, in turns."""
    names = _sequences(folder / _SEQUENCES)
    if not names:
        raise ConfigError(f'{folder / _SEQUENCES}: names no sequence')
    each = -(-most // len(names))
    turns, motion = list[Sequence[Scene]](), list[Scene]()
    for name in names:
        part = _of_images(folder / name, each)
        turns.append(part.stills)
        motion += part.motion
        _check_bytes(folder, [*chain(*turns), *motion])
    stills = [still for turn in zip_longest(*turns) for still in turn if still is not None]
    return Material(stills[:most], motion, False)


def _of_images(folder: Path, most: int) -> Material:
    """The images of a folder as one camera."""
    count = len(_files(folder)) if folder.is_dir() else 0
    return _of_camera(folder.name, (rgb for _, rgb in frames_of(folder)), most, folder, count)


def _of_label_maps(folder: Path, arch: Architecture, most: int) -> Material:
    """The images of every source alike."""
    sources = sources_of(folder)
    each = -(-most // max(1, len(sources)))
    samples = list(read_label_maps(folder, Rules(), each))[:most]
    if not samples:
        raise ConfigError(f'{folder / _INDEX}: names no image with a segment that counts')
    found = _of_photos([sample.path for sample in samples], arch, most)
    read = {scene.name for scene in found.stills}
    kept = [sample for sample in samples if _name(sample.path) in read]
    return Material(found.stills, found.motion, True, kept, found.unreadable)


def _of_photos(paths: Sequence[Path], arch: Architecture, most: int) -> Material:
    """Stills, and ideal pans over the first of them. What cannot be read is left out."""
    stills, unreadable = list[Scene](), list[str]()
    for path in paths[:most]:
        try:
            stills.append(Scene(_name(path), [read_image(path)]))
        except BadImage as error:
            unreadable.append(shown(error, 300))
        _check_bytes(path.parent, stills)
    if not stills:
        raise ConfigError(f'none of {len(unreadable)} images can be read: {unreadable[0]}')
    motion = [Scene(each.name, list(pan(each.frames[0], arch))) for each in stills[:PANS]]
    return Material(stills, motion, True, (), unreadable)


def _of_bag(bag: Path, topic: str | None, most: int, tell: Callable[[str], None]) -> Material:
    unreadable = list[str]()
    with Bag(bag) as opened:
        found = find_image_topic(opened, topic, tell)
        frames = (
            frame.rgb
            for frame in found.frames(lambda where, what: unreadable.append(f'{where}: {what}'))
        )
        material = _of_camera(bag.stem, frames, most, bag, found.count)
    return Material(material.stills, material.motion, False, (), unreadable)


def _of_camera(
    name: str, frames: Iterable[Pixels], most: int, source: Path, count: int = 0
) -> Material:
    """The first frames as one camera that moves; stills well apart, from all frames.

    `count` is how many frames there are, if that is known. Raises ConfigError if there are fewer
    than two frames, or they change their size.
    """
    apart = max(APART, -(-min(count, MOST_READ) // most))
    moving, stills = list[Pixels](), list[Scene]()
    for number, rgb in enumerate(_read(frames, source)):
        if moving and len(moving) < MOVING and rgb.shape != moving[0].shape:
            raise ConfigError(f'{source}: frame {number} is {rgb.shape}, not {moving[0].shape}')
        if len(moving) < MOVING:
            moving.append(rgb)
        if number % apart == 0:
            stills.append(Scene(f'{name} {number}', [rgb], name))
        _check_bytes(source, [*stills, Scene(name, moving)])
        if len(stills) >= most and len(moving) >= MOVING:
            break
    if len(moving) < 2:
        raise ConfigError(f'{source}: {len(moving)} image(s); a camera needs two at least')
    return Material(stills[:most], [Scene(name, moving)], False)


def _read(frames: Iterable[Pixels], source: Path) -> Iterator[Pixels]:
    try:
        yield from islice(frames, MOST_READ)
    except BadImage as error:
        raise ConfigError(f'{source}: {shown(error, 300)}') from error


def _sequences(index: Path) -> list[str]:
    """The folders that a sequences.json names. Raises ConfigError."""
    found = read_json(index, _MOST_INDEX_BYTES)
    if not isinstance(found, dict):
        raise ConfigError(f'{index}: a mapping from folders to their frames is expected')
    strange = [name for name in found if Path(name).name != name or not name.strip('.')]
    if strange:
        raise ConfigError(f'{index}: {shown(strange[0])}: no name of a folder')
    return list(found)


def _files(folder: Path) -> list[Path]:
    try:
        names = sorted(islice(folder.iterdir(), MOST_FILES + 1))
    except OSError as error:
        raise ConfigError(f'{folder}: {error}') from error
    if len(names) > MOST_FILES:
        raise ConfigError(f'{folder}: more than {MOST_FILES} files')
    return [each for each in names if each.suffix.lower() in SUFFIXES]


def _is_sequence(folder: Path, files: Sequence[Path]) -> bool:
    """Whether the images of a folder are those of one camera, one after the other."""
    index = folder.parent / _SEQUENCES
    if index.is_file() and folder.name in _sequences(index):
        return True
    if len(files) < 3 or not all(each.stem.isdecimal() for each in files):
        return False
    numbers = sorted(int(each.stem[-18:]) for each in files)
    return all(b - a == 1 for a, b in pairwise(numbers))


def _check_bytes(source: Path, scenes: Iterable[Scene]) -> None:
    """Raises ConfigError if all frames are too large together."""
    held = {id(frame): frame.nbytes for scene in scenes for frame in scene.frames}
    if sum(held.values()) > MOST_BYTES:
        raise ConfigError(
            f'{source}: more than {MOST_BYTES} bytes of images; lower the limit or their size'
        )


def _name(path: Path) -> str:
    """The folder is in it, because names may repeat between sources."""
    return f'{path.parent.name}/{path.stem}'

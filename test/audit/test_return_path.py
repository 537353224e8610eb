"""The way back: embeddings become pixels again, and nothing is learned from what is attacked."""

from dataclasses import replace

import numpy as np
import pytest
from tqdm import tqdm

from fakes import coded_weights, worker
from pedsam_ros.audit import inversion, return_path
from pedsam_ros.audit.attack import History, Needs, Own
from pedsam_ros.audit.attacks import attacks, decoder, ridge
from pedsam_ros.audit.return_path import Target
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.core import codec
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.windows import Canvas
from toy_subjects import drawn, subject


@pytest.fixture(autouse=True)
def _little_to_learn(monkeypatch):
    """Keeps the tests short."""
    monkeypatch.setattr(return_path, '_WINDOWS', 100)
    monkeypatch.setattr(decoder, '_STEPS', 5)


def linear_own(seed, count=30):
    """Windows of noise, 8x8 px in 2x2 tokens, encoded by a matrix that can be undone."""
    random = np.random.default_rng(seed)
    matrix = np.random.default_rng(7).normal(size=(48, 48)).astype(np.float32)
    pixels, tokens = [], []
    for _ in range(count):
        window = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        patches = window.reshape(2, 4, 2, 4, 3).transpose(0, 2, 1, 3, 4).reshape(2, 2, 48)
        pixels.append(window)
        tokens.append((patches.astype(np.float32) / 255) @ matrix)
    return Own(pixels, tokens)


def test_ridge_recovers_pixels_of_a_linear_encoder():
    """What a linear encoder made of other windows is read to within a few levels."""
    inverse = ridge.fitted(linear_own(0, 1000))
    other = linear_own(1)
    errors = [
        np.abs(inverse(tokens) - pixels).mean()
        for pixels, tokens in zip(other.pixels, other.tokens, strict=True)
    ]
    assert np.mean(errors) < 5


def test_patches_come_back_where_they_were():
    """The patches of a window are cut and joined in the same order."""
    window = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    flat = ridge._patches(window, (2, 3), 4)
    joined = flat.reshape(2, 3, 4, 4, 3).transpose(0, 2, 1, 3, 4).reshape(8, 12, 3)
    assert np.array_equal(joined, window)


def test_nothing_is_learned_from_the_images_that_are_attacked(monkeypatch):
    """No window that is attacked is among those that the attack learned from."""
    seen = []

    def spy(view, seen_, history):
        seen.append((history.own, {*history.embeddings}))
        return np.zeros((*view.shape[:2], 3), np.float32)

    monkeypatch.setattr(decoder, 'attack', spy)
    given = subject(3)
    return_path.run(given, tqdm(disable=True))
    for number, scene in enumerate([*given.stills[0::2], *given.stills[1::2]]):
        canvas = Canvas.fit(given.model.arch, *scene.frames[0].shape[:2])
        mine = {p.tobytes() for p in inversion.windows_of(scene.frames[0], canvas).values()}
        calls = seen[4 * number : 4 * number + 3]  # one for each dtype, one with wrong tokens
        assert calls
        for own, _ in calls:
            assert not mine & {p.tobytes() for p in own.pixels}


def test_neighbours_of_a_camera_are_in_one_fold():
    """Frames of a camera are parted once, photographs in turns; whole cameras stay together."""
    photos, one, two = ([Scene(name, [], name) for _ in range(4)] for name in ('', 'a', 'b'))
    assert return_path.folds(photos) == [0, 1, 0, 1]
    assert return_path.folds(one) == [0, 0, 1, 1]
    in_turns = [still for pair in zip(one, two, strict=True) for still in pair]
    assert return_path.folds(in_turns) == [0, 1] * 4


def test_every_dtype_is_read_better_than_by_chance():
    """float32, float16 and int8 all run, and show more than the embedding of another window."""
    section = return_path.run(subject(2), tqdm(disable=True))
    assert set(section.figures['dtypes']) == set(codec.DTYPES)
    wrong = section.figures['embedding_of_another_window']['ridge']['psnr_db']['mean']
    for found in section.figures['dtypes'].values():
        assert set(found) == set(attacks(Needs.EMBEDDINGS))
        for each in found.values():
            assert each['psnr_db']['mean'] > wrong
            assert each['psnr_db']['count'] == 2
    assert section.exhibits[0].rgb.dtype == np.uint8


def test_one_image_cannot_be_split():
    """With a single still the figures are unknown, not invented."""
    assert return_path.run(subject(1), tqdm(disable=True)).figures['dtypes'] is None


def test_seen_pixels_stay():
    """An inversion fills only what was not seen."""
    photo = drawn(0)
    canvas = Canvas.fit(worker().arch, *photo.shape[:2])
    tokens = inversion.encoded(worker(), inversion.windows_of(photo, canvas), canvas)
    own = inversion.own_windows([drawn(1)], worker(), 2, np.random.default_rng(0))
    history = History(worker().arch, embeddings=inversion.embedded(tokens, 'float16'), own=own)
    view = np.full((216, 288, 3), 77, np.uint8)
    seen = np.zeros((216, 288), bool)
    seen[:100] = True
    guess = ridge.attack(view, seen, history)
    assert (guess[:100] == 77).all()
    assert (guess[100:] != 77).any()
    assert guess.dtype == np.float32


def test_without_own_windows_it_says_so():
    """An inversion that has nothing to learn from raises a clear error."""
    nothing = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match='own: no windows'):
        ridge.attack(nothing, np.zeros((8, 8), bool), History(worker().arch))


def test_the_wrong_embedding_shows_another_window():
    """The control is one: every window is read as the next of its size, never as itself."""
    inverse, other = ridge.fitted(linear_own(0, 1000)), linear_own(1, 4)
    target = Target(None, {}, dict(enumerate(other.tokens)))
    for index, tokens in return_path._turned(target).items():
        errors = [np.abs(inverse(tokens) - pixels).mean() for pixels in other.pixels]
        assert np.argmin(errors) == (index + 1) % 4


def test_the_codec_is_attacked_where_the_model_has_one():
    """By an adversary that learned from windows which went through it."""
    given = replace(subject(2), weights=coded_weights(), config=EdgeConfig(transport='codec'))
    section = return_path.run(given, tqdm(disable=True))
    assert set(section.figures['dtypes']) == set(codec.TRANSPORTS)
    found = section.figures['dtypes']['codec']
    assert {each['psnr_db']['count'] for each in found.values()} == {2}
    assert section.exhibits

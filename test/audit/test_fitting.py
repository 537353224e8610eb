"""The learned attack: what it learns from, a short fit, and the file it makes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import fakes
from drawn_assets import write_assets
from pedsam_ros.audit import attacker_file, fitting, layouts, lessons
from pedsam_ros.audit.attack import History
from pedsam_ros.audit.attacks import harmonic, learned
from pedsam_ros.audit.unet import UNet
from pedsam_ros.core.errors import ConfigError, WeightsError
from pedsam_ros.learn.asset_pack import AssetPack


@pytest.fixture(scope='module')
def pack(tmp_path_factory):
    return write_assets(tmp_path_factory.mktemp('pack') / 'assets.zip')


@pytest.fixture(scope='module')
def fitted(pack):
    """A file of a fit of about a second, and what it told."""
    out = pack.with_name('attacker.safetensors')
    return out, fitting.fit(pack, out, minutes=1 / 60)


def test_a_fit_writes_a_file_that_attacks(fitted):
    """The header says where the weights come from."""
    out, told = fitted
    assert attacker_file.origin(out) == told
    assert told['steps'] >= 1
    assert told['seed'] == 0
    assert len(told['pack_sha256']) == 64
    seen = np.zeros((96, 128), bool)
    seen[:64, :64] = True
    view = np.full((96, 128, 3), 100, np.uint8)
    guess = learned.attack(view, seen, History(fakes.TINY, weights=out))
    assert (guess[seen] == 100).all()


def test_a_fit_goes_on_from_a_file(fitted, pack, tmp_path):
    """And its header says so."""
    start, told = fitted
    again = fitting.fit(pack, tmp_path / 'again.safetensors', 1 / 600, start=start)
    assert again['start'] == told


def test_steps_lower_the_error_of_what_is_learned():
    """Ten steps on one batch."""
    rng = np.random.default_rng(0)
    rows = np.linspace(0, 40, 108)[:, None, None]
    truths = [np.sin(rows + np.arange(144)[:, None] / (5 + k)) * 90 + 128 for k in range(4)]
    batch = [lessons.Lesson.of(np.tile(t, 3).astype(np.uint8), rng) for t in truths]
    torch.manual_seed(0)
    net = UNet()
    before = fitting.errors(net, batch)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3)
    for _ in range(10):
        fitting._step(net, optimiser, batch)
    assert fitting.errors(net, batch).log().mean() < before.log().mean()


def test_a_new_network_adds_nothing_to_the_harmonic_fill(tmp_path):
    """It can only get better from there."""
    file = attacker_file.write(UNet(), tmp_path / 'new.safetensors', {})
    rng = np.random.default_rng(0)
    view = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    seen = layouts.seen_by(fakes.TINY, 3)[0][:96, :128]
    same = learned.attack(view, seen, History(fakes.TINY, weights=file))
    np.testing.assert_allclose(same, harmonic.attack(view, seen, History(fakes.TINY)), atol=1e-4)


def test_lessons_are_views_of_the_products_layout():
    """Most are what one worker of two to eight sees; some pixels are seen and some are not."""
    rng = np.random.default_rng(0)
    views = [layouts.random_seen(rng, (108, 144)) for _ in range(60)]
    assert all(view.any() and not view.all() for view in views)
    exact = {
        each[::2, ::2][:108, :144].tobytes()
        for count in layouts.COUNTS
        for each in layouts.seen_by(layouts.ARCH, count)
    }
    assert sum(view.tobytes() in exact for view in views) > 20


def test_held_out_photographs_are_not_learned_from(pack):
    """Otherwise they could not judge."""
    rest, judging = lessons.split(AssetPack.open(pack))
    photos = AssetPack.open(pack).pictures['background']
    assert len(rest.pictures['background']) == len(photos) - 1
    assert len(judging) == 4
    assert not any(np.array_equal(photos[0], each) for each in rest.pictures['background'])


def test_equal_seeds_give_equal_lessons(pack):
    """Only the number of steps is the machine's."""
    first, second = (next(iter(lessons.Lessons(AssetPack.open(pack), 3))) for _ in range(2))
    assert all((a.truth == b.truth).all() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize('minutes', [0, -1, float('nan'), 1e9])
def test_minutes_must_be_a_time(pack, tmp_path, minutes):
    """Before anything is read."""
    with pytest.raises(ConfigError, match='minutes='):
        fitting.fit(pack, tmp_path / 'out.safetensors', minutes)


def test_what_is_no_pack_is_refused(tmp_path):
    """A pack is a zip with an index."""
    (tmp_path / 'not.zip').write_bytes(b'no')
    with pytest.raises(ConfigError, match=r'not\.zip'):
        fitting.fit(tmp_path / 'not.zip', tmp_path / 'out.safetensors', 1)


def _damaged(fitted, tmp_path):
    """Files that are no attacker's, by what is wrong with them."""
    good = load_file(fitted[0])
    header = {'format': attacker_file.FORMAT, 'origin': '{}'}
    cut = tmp_path / 'cut.safetensors'
    cut.write_bytes(fitted[0].read_bytes()[:5000])
    yield 'not readable', cut
    yield 'no such file', tmp_path / 'none.safetensors'
    name = next(iter(good))
    wrong = {
        'none of this network': {**good, 'more': torch.zeros(1).half()},
        'not finite': {**good, name: torch.full_like(good[name], torch.inf)},
        'of float16': {**good, name: good[name][:1].contiguous()},
    }
    for number, (reason, tensors) in enumerate(wrong.items()):
        save_file(tensors, tmp_path / f'{number}.safetensors', header)
        yield reason, tmp_path / f'{number}.safetensors'
    save_file(good, tmp_path / 'foreign.safetensors')
    yield attacker_file.FORMAT, tmp_path / 'foreign.safetensors'


def test_damaged_and_foreign_files_are_refused(fitted, tmp_path):
    """Each error names the file and what is wrong with it."""
    view, seen = np.zeros((8, 8, 3), np.uint8), np.eye(8, dtype=bool)
    for reason, path in _damaged(fitted, tmp_path):
        with pytest.raises(WeightsError, match=reason) as caught:
            learned.attack(view, seen, History(fakes.TINY, weights=path))
        assert path.name in str(caught.value)


def test_the_shipped_file_says_where_it_comes_from():
    """docs/audit_attacker.md quotes it."""
    told = attacker_file.origin()
    card = (Path(__file__).parents[2] / 'docs' / 'audit_attacker.md').read_text()
    assert told['pack_sha256'] in card
    assert f'| {told["seed"]} | {told["minutes"]:g} | {told["steps"]:,} |' in card
    assert attacker_file.SHIPPED.stat().st_size < 4e6
    json.dumps(told)

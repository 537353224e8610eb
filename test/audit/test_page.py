"""The page of an audit: one file that needs no network, and tells nothing that is not known."""

import re

import numpy as np
import pytest

import handmade_audit as handmade
from html_page import Page
from pedsam_ros.audit import report, summary
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.audit.verdict import Strength, verdict_of


def page(figures, exhibits=None):
    return report.page_of(figures, exhibits or {})


ALL = {
    'whole': handmade.figures(),
    'empty': {},
    'no sections': {'settings': {}},
    'null': handmade.spoilt(handmade.figures(), None),
    'not a number': handmade.spoilt(handmade.figures(), float('nan')),
    'texts': handmade.spoilt(handmade.figures(), handmade.HOSTILE),
    'huge': handmade.spoilt(handmade.figures(), 10**400),
} | {
    f'without {name}': {k: v for k, v in handmade.figures().items() if k != name}
    for name in ('single_frame', 'coalitions')
}


@pytest.mark.parametrize('name', ALL)
def test_a_page_is_whole_and_loads_nothing(name):
    """Tags are balanced, names are used once, and nothing is fetched, whatever the figures are."""
    text = page(ALL[name], handmade.exhibits())
    found = Page(text)
    assert all(each.startswith(('data:image/jpeg;base64,', '#')) for each in found.loaded)
    assert not re.search(r'https?:|url\((?!#)|@import', text)
    assert len(found.ids) == len(set(found.ids))
    assert {'script', 'iframe', 'object', 'embed', 'link', 'base'}.isdisjoint(found.tags)
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    assert len(summary.text_of(ALL[name]).splitlines()) < 25


def test_a_page_escapes_what_others_wrote():
    """A name of a scene or an attack comes from a folder that anyone may have made."""
    hostile = handmade.HOSTILE
    figures = handmade.figures()
    figures['single_frame']['workers']['3']['attacks'][hostile] = handmade.attack(3.0)
    figures['settings']['stills'] = [hostile]
    exhibits = {'single_frame': [Exhibit(np.zeros((4, 9, 3), np.uint8), f'1 {hostile}')]}
    text = page(figures, exhibits)
    Page(text)
    assert '<script' not in text
    assert '&lt;script&gt;' in text


@pytest.mark.parametrize('anchor', ['scene', 'image'])
def test_a_page_says_what_windows_were_fixed_to(anchor):
    """Above all chapters, and in that on time."""
    figures = handmade.figures()
    figures['settings']['placement'] = {'anchor': anchor}
    figures['over_time'] |= {'coverage': {'by_edge': {'0': handmade.mean(0.3)}}}
    text = page(figures)
    assert f'windows fixed to: {anchor}' in text
    assert f'Windows were fixed to the {anchor}.' in text


def test_every_picture_has_a_caption_with_its_number():
    """Figures are counted through the page."""
    found = Page(page(handmade.figures(), handmade.exhibits()))
    pictures = sum(tag in ('img', 'svg') for tag in found.tags)
    assert pictures > len(handmade.SECTIONS)
    numbers = [int(re.match(r'Figure (\d+)\. \S', each)[1]) for each in found.captions]
    assert numbers == [*range(1, pictures + 1)]


@pytest.mark.parametrize('value', [None, float('nan')])
def test_what_is_unknown_is_told_as_not_measured(value):
    """Never as 0."""
    whole = handmade.figures()
    spoilt = whole | {name: handmade.spoilt(whole[name], value) for name in handmade.SECTIONS}
    text = page(spoilt)
    assert text.count('not measured') > 20
    assert 'nan' not in re.sub(r'<style>.*?</style>|<svg.*?</svg>', '', text, flags=re.DOTALL)
    assert not re.search(r'[>+ ]0\.0+ (dB|%)', text)


def test_a_page_stays_small():
    """Many large pictures are packed harder."""
    noise = np.random.default_rng(0).integers(0, 256, (1200, 3000, 3), np.uint8)
    text = page(handmade.figures(), {'content': [Exhibit(noise, '1')] * 12})
    assert len(text) < 6_000_000


@pytest.mark.parametrize(
    ('learned_db', 'harmonic_db', 'strength'),
    [
        (2.6, 2.3, Strength.STRONG),
        (2.2, 2.3, Strength.WEAK),
        (None, 2.3, Strength.UNKNOWN),
        (2.6, None, Strength.UNKNOWN),
    ],
)
def test_an_attack_weaker_than_harmonic_fill_fails_the_audit(learned_db, harmonic_db, strength):
    """Harmonic fill itself does not count: it would be no weaker by definition."""
    assert verdict_of(handmade.figures(learned_db, harmonic_db)).strength is strength


def test_strength_is_unknown_without_its_section():
    """An audit of other sections says so, and does not fail."""
    figures = handmade.figures()
    del figures['single_frame']
    assert verdict_of(figures).strength is Strength.UNKNOWN

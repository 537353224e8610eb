"""A chart shows all that it is given, and every part of it can be told from the others."""

from importlib.resources import files

import pytest

from pedsam_ros.audit import charts

NUMBERS = range(1, 9)  # series, as many as an edge has workers


@pytest.mark.parametrize('draw', [charts.curves, charts.bars])
def test_every_of_eight_series_is_drawn_in_its_own_colour(draw):
    """None is dropped without a word."""
    series = [charts.Series(f'worker {number}', [0.1, 0.2]) for number in NUMBERS]
    svg = draw(charts.Chart('Eight workers', [0, 1], series, 'share'))
    for number in NUMBERS:
        assert f'worker {number}' in svg
        assert f'var(--series{number})' in svg


def test_the_page_knows_a_colour_for_every_series():
    """By day, by night and on paper."""
    style = (files('pedsam_ros.audit') / 'pages' / 'style.css').read_text()
    assert [style.count(f'--series{number}:') for number in NUMBERS] == [3] * 8

"""`pedsam audit --compare`: two audits side by side."""

import argparse
import json

import pytest

import handmade_audit as handmade
from html_page import Page
from pedsam_ros.audit import compare, report
from pedsam_ros.audit.outcome import FORMAT
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.tools import audit


@pytest.fixture
def write(tmp_path):
    """Writes an audit.json."""

    def written(name, figures):
        file = tmp_path / f'{name}.json'
        file.write_text(figures if isinstance(figures, str) else json.dumps(figures))
        return file

    return written


def compared(tmp_path, first, second):
    parser = argparse.ArgumentParser()
    audit.add_arguments(parser)
    out = tmp_path / 'page.html'
    args = parser.parse_args(['--compare', str(first), str(second), '--out', str(out)])
    assert audit.run(args) == 0
    text = out.read_text()
    found = Page(text)
    assert len(found.ids) == len(set(found.ids))
    return text


def test_an_audit_compared_with_itself_shows_no_change(tmp_path, write, capsys):
    """Nothing stands in bold, and every difference is 0."""
    file = write('a', handmade.figures())
    text = compared(tmp_path, file, file)
    assert 'class="changed"' not in text
    told = capsys.readouterr().out
    assert '\n0 of ' in told
    assert len(told.splitlines()) < 25
    assert compare.warnings(*[handmade.figures()] * 2) == []


def test_times_are_not_compared(tmp_path, write):
    """They differ from run to run and say nothing of the edge."""
    second = handmade.figures()
    second['coalitions']['took_s'] = 99.0
    second['coalitions']['command'] = 'another'
    assert 'class="changed"' not in compared(
        tmp_path, write('a', handmade.figures()), write('b', second)
    )


def test_a_difference_counts_from_two_standard_errors_on(tmp_path, write, capsys):
    """Of 0.2 each: 0.28 together, so that 0.5 may be chance and 0.7 may not."""
    rows = {}
    for learned_db in (3.1, 3.3):
        found = compare.rows(handmade.figures(2.6), handmade.figures(learned_db))
        rows[learned_db] = {row.name for row in found if row.changed}
    assert rows[3.1] == set()
    assert 'single_frame.workers.3.attacks.learned.gain_db' in rows[3.3]
    text = compared(tmp_path, write('a', handmade.figures(2.6)), write('b', handmade.figures(3.3)))
    assert text.count('class="changed"') == len(rows[3.3]) + 1  # and once among the first
    assert '+0.7 ± 0.28' in capsys.readouterr().out


def test_what_only_one_of_them_measured_has_changed(tmp_path, write):
    """It is told as not measured in the other, and has no difference."""
    second = handmade.figures()
    second['single_frame']['workers']['3']['share_seen'] = None
    text = compared(tmp_path, write('a', handmade.figures()), write('b', second))
    assert text.count('class="changed"') == 2  # also among the first
    assert 'not measured' in text


@pytest.mark.parametrize('name', ['model_id', 'seed', 'stills', 'motion'])
def test_a_warning_says_what_is_not_the_same(tmp_path, write, capsys, name):
    """Then a difference may not come from the edge's settings."""
    second = handmade.figures()
    second['settings'][name] = ['<script>']
    text = compared(tmp_path, write('a', handmade.figures()), write('b', second))
    assert f'audit: {name} differs' in capsys.readouterr().out
    assert f'{name} differs' in text
    assert '<script' not in text


def test_a_section_of_one_audit_only_is_named():
    """Its figures are not measured in the other."""
    second = handmade.figures()
    del second['content']
    assert compare.warnings(handmade.figures(), second) == ['content ran in one of them only.']


DEEP = {'format': FORMAT, 'settings': {}, 'a': {}}
for _ in range(40):
    DEEP = {**DEEP, 'a': DEEP}


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('', 'empty'),
        ('{', 'no JSON'),
        ('[]', 'not an audit.json'),
        ('{"format": "other"}', 'not an audit.json'),
        (json.dumps({'format': FORMAT}), 'damaged'),
        (json.dumps({'format': FORMAT, 'settings': [1]}), 'damaged'),
        (json.dumps(DEEP), 'deep'),
        (json.dumps({'format': FORMAT, 'settings': {}, 'a': {
            str(n): n for n in range(30_000)}}), 'figures; at most'),
        ('[' * 100_000, 'no JSON'),
        ('{"a": 1, "a": 2}', 'twice'),
    ],
)  # fmt: skip
def test_a_file_that_is_no_audit_is_refused(write, text, told):
    """The error names the file and what is wrong."""
    with pytest.raises(ConfigError, match=r'bad\.json') as error:
        compare.read_audit(write('bad', text))
    assert told in str(error.value)
    assert len(str(error.value)) < 600


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    """Nor is a folder, or nothing."""
    large = tmp_path / 'large.json'
    with large.open('wb') as file:
        file.truncate(2**24 + 1)
    for file, told in ((large, 'larger'), (tmp_path, 'no file'), (tmp_path / 'x', 'not there')):
        with pytest.raises(ConfigError, match=told):
            compare.read_audit(file)


@pytest.mark.parametrize(
    'value', [None, float('nan'), 10**400, True, 'x' * 5000, ['<script>'], {}]
)
def test_strange_figures_do_no_harm(tmp_path, write, value):
    """Whoever wrote the file chose them."""
    spoilt = handmade.spoilt(handmade.figures(), value)
    spoilt['format'] = FORMAT
    text = compared(tmp_path, write('a', handmade.figures()), write('b', spoilt))
    assert '<script' not in text
    assert len(text) < 1_000_000


def test_strange_names_do_no_harm(tmp_path, write):
    """Of sections, numbers of workers, and numbers of frames."""
    strange = handmade.figures()
    for name in ('9' * 5000, handmade.HOSTILE, 'first', 'same', ''):
        strange[name] = {name: 1}
        strange['coalitions']['workers'][name] = {name: {'share_seen': 0.5}}
        strange['single_frame']['workers'][name] = strange['single_frame']['workers']['3']
        strange['over_time']['coverage'] = {'by_itself': {name: 0.5, '0': 0.3}}
    text = compared(tmp_path, write('a', handmade.figures()), write('b', strange))
    assert '<script' not in text
    Page(report.page_of(strange, {}))

"""`pedsam audit` from its options to its files, with small sections in place of the real ones."""

import json
import sys
from types import SimpleNamespace

import pytest

import handmade_audit as handmade
from html_page import Page
from pedsam_ros.audit import order, sections
from pedsam_ros.audit.order import Order
from pedsam_ros.audit.section import Section
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.tools import cli

WORKERS = 'workers:\n' + ''.join(f'  - {{name: w{n}, domain_id: {n}}}\n' for n in range(1, 10))


@pytest.fixture
def small(monkeypatch):
    """Sections that return figures nobody measured, on one photograph."""

    def standing_in(name, found):
        def run(subject, bar):
            bar.update()
            return Section({**found, 'strange': float('nan')}, handmade.exhibits()[name])

        return SimpleNamespace(NAME=name, run=run)

    def use(figures):
        for name in handmade.SECTIONS:
            monkeypatch.setitem(sections.SECTIONS, name, standing_in(name, figures[name]))

    use(handmade.figures())
    return use


@pytest.fixture
def audit(monkeypatch, tmp_path, capsys):
    """Runs the command; returns its status, its output and its folder."""

    def run(*options):
        monkeypatch.setattr(sys, 'argv', ['cli.py', 'audit', *map(str, options)])
        monkeypatch.chdir(tmp_path)
        status = cli.main()
        told = capsys.readouterr()
        return SimpleNamespace(status=status, out=told.out, err=told.err, folder=tmp_path)

    return run


def test_an_audit_writes_figures_and_a_page(small, audit):
    """Both are whole; every section has the command that makes it again."""
    done = audit('--limit', 1, '--anchor', 'image', '--max-share', '0.4')
    assert done.status == 0, done.err
    assert len(done.out.splitlines()) < 25
    found = json.loads((done.folder / 'out/audit.json').read_text(), parse_constant=pytest.fail)
    for name in handmade.SECTIONS:
        wanted = f'pedsam audit --limit 1 --anchor image --max-share 0.4 --sections {name}'
        assert found[name]['command'] == wanted
        assert found[name]['strange'] is None
    assert found['command'] == 'pedsam audit --limit 1 --anchor image --max-share 0.4'
    assert len(found['story']) == 5
    assert found['settings']['placement']['max_share'] == 0.4
    assert found['settings']['images'] == len(found['settings']['stills']) == 1
    assert {'machine', 'versions', 'minutes', 'cpu_minutes', 'verdict'} <= set(found)
    page = (done.folder / 'out/audit.html').read_text()
    assert Page(page).tags.count('img') == len(handmade.SECTIONS)
    assert 'single_frame' in done.err  # the bar's words


def test_weak_attacks_end_with_status_1(small, audit):
    """The files are written all the same."""
    small(handmade.figures(learned_db=1.0))
    done = audit('--limit', 1, '--out', 'x/weak.json')
    assert done.status == 1
    assert 'too weak' in done.out
    assert (done.folder / 'x/weak.html').exists()


def test_only_the_named_sections_run(small, audit):
    """Their order is ours; the strength is unknown without single_frame."""
    done = audit('--limit', 1, '--sections', 'content,coalitions')
    assert done.status == 0
    found = json.loads((done.folder / 'out/audit.json').read_text())
    assert [name for name in found if name in handmade.SECTIONS] == ['coalitions', 'content']
    assert found['verdict']['strength'] == 'unknown'


def test_equal_runs_compare_as_equal(small, audit):
    """Figures do not depend on the run."""
    for name in 'ab':
        audit('--limit', 1, '--out', f'{name}.json')
    done = audit('--compare', 'a.json', 'b.json')
    assert done.status == 0
    assert '\n0 of ' in done.out
    Page((done.folder / 'out/audit-compare.html').read_text())


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        (['--workers', '1'], '--workers=1'),
        (['--workers', '9'], '--workers=9'),
        (['--limit', '0'], '--limit=0'),
        (['--seed', '-1'], '--seed=-1'),
        (['--topic', '/image'], '--bag'),
        (['--sections', 'all'], '--sections=all'),
        (['--sections', ''], '--sections='),
        (['--region', '5', '5', '5', '9'], 'X0 < X1'),
        (['--region', '0', '0', 'nan', '9'], 'X0 < X1'),
        (['--attacker', 'gpt=.'], '--attacker'),
        (['--max-share', '0.4'], 'max_share=0.4: counts places in the image'),
        (['--max-share', '1.5'], 'max_share=1.5'),
        (['--anchor', 'image', '--max-coverage', '0.4'], 'max_coverage=0.4: needs anchor=scene'),
        (['--real', '40', '41', '42', '43'], '--real: only with --anchor image'),
        (['--max-share', 'nan'], 'max_share=nan'),
        (['--params', 'none.yaml'], 'none.yaml'),
        (['--workers-file', 'none.yaml'], 'none.yaml'),
        (['--checkpoint', 'none.pth'], 'none.pth'),
        (['--images', 'none'], 'none'),
        (['--bag', 'none'], 'none'),
        (['--out', 'audit.txt'], '.json'),
        (['--compare', 'a.json', 'b.json'], 'a.json'),
        (['--train-attacker', 'none.zip'], '--out'),
        (
            ['--train-attacker', 'none.zip', '--out', 'x.safetensors', '--minutes', 'nan'],
            '--minutes',
        ),
        (['--train-attacker', 'none.zip', '--out', 'x.safetensors', '--minutes', '1'], 'none.zip'),
    ],
)
def test_options_that_break_a_rule_are_named(small, audit, options, told):
    """Status 2, one line, before any work is done."""
    done = audit(*options)
    assert done.status == 2
    assert told in done.err
    assert 'Traceback' not in done.err


@pytest.mark.parametrize(
    'options',
    [
        ['--images', 'a', '--bag', 'b'],
        ['--workers', '3', '--workers-file', 'x'],
        ['--workers', 'three'],
        ['--region', '1', '2', '3'],
        ['--compare', 'a.json'],
    ],
)
def test_options_that_do_not_go_together_are_refused(audit, options):
    """argparse's own words, and its own status."""
    with pytest.raises(SystemExit) as end:
        audit(*options)
    assert end.value.code == 2


def test_workers_come_from_the_file_of_the_edge(tmp_path):
    """That of --workers-file, or else that of --params; --workers overrules the latter."""
    file = tmp_path / 'workers.yaml'
    file.write_text('\n'.join(WORKERS.splitlines()[:5]) + '\n')
    params = tmp_path / 'edge.yaml'
    params.write_text(f'/**: {{ros__parameters: {{workers_file: {file}}}}}')
    for asked, count in (
        (Order(workers_file=file), 4),
        (Order(params=params), 4),
        (Order(params=params, workers=2), 2),
        (Order(), 3),
    ):
        assert len(asked.entries(asked.config())) == count


def test_more_workers_than_an_audit_takes_are_refused(tmp_path):
    """Its time grows with them."""
    file = tmp_path / 'workers.yaml'
    file.write_text(WORKERS)
    with pytest.raises(ConfigError, match='9 workers; at most 8'):
        Order(workers_file=file).entries(Order().config())


def test_regions_and_rules_reach_the_edge():
    """What the user's edge would keep back is kept back here."""
    rules = {'anchor': 'image', 'max_share': 0.4}
    asked = Order(limit=1, region=[[0, 0, 300, 300]], workers=4, **rules)
    subject = order.subject_of(asked)
    sent = subject.record(subject.stills[0]).moments[0].view(['alice', 'bob', 'carol', 'dave'])
    assert not sent.seen[:20, :20].any()
    assert sent.seen.any()
    assert subject.config.placement.max_share == 0.4

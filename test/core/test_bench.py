"""`pedsam bench` compares real processes, and says what it compared."""

import json

import pytest

from pedsam_ros.bench import contest, tables
from pedsam_ros.bench.sections import SECTIONS, in_order
from pedsam_ros.tools import cli


def bench(monkeypatch, tmp_path, *words):
    """Runs the command. Returns its status and its figures."""
    out = tmp_path / 'bench.json'
    words = ['pedsam', 'bench', '--quick', '--out', str(out), *words]
    monkeypatch.setattr('sys.argv', words)
    return cli.main(), json.loads(out.read_text()) if out.exists() else None


def test_the_edge_half_of_vit_tiny(monkeypatch, tmp_path, capsys):
    """Both sides compute the same, each in a process of its own. No time is judged."""
    status, figures = bench(monkeypatch, tmp_path, '--section', 'edge_half', '--model', 'vit_tiny')
    assert status == 0
    found = figures['edge_half']['vit_tiny']
    assert found['max_abs_difference']['relative'] < 1e-5
    assert found['sides'].keys() == {'sam', 'sam_tuned', 'ours'}
    for name, side in found['sides'].items():
        assert (side['settings']['allocator'] == 'default') == (name != 'sam_tuned')
        assert len(side['cpu_s_of_rounds']) == 2
        assert side['peak_rss_bytes'] > 10**8
    assert found['speedup'] == found['sides']['sam']['cpu_s'] / found['sides']['ours']['cpu_s']
    assert figures['conditions']['threads'] == 1
    assert {'cpu', 'memory_bytes', 'cores'} <= figures['machine'].keys()
    assert (tmp_path / 'bench.png').stat().st_size > 1000
    assert '| vit_tiny |' in capsys.readouterr().out


@pytest.mark.parametrize(
    'words', [('--rounds', '0'), ('--threads', '0'), ('--service-ms', 'nan'), ('--out', 'x.txt')]
)
def test_a_wrong_argument_is_named(monkeypatch, tmp_path, capsys, words):
    """Before anything runs."""
    status, _ = bench(monkeypatch, tmp_path, *words)
    assert status == 2
    assert f'{words[0]}={words[1]}' in capsys.readouterr().err


def test_a_difference_is_seen():
    """As the largest one, and as a share of the largest value."""
    import numpy as np

    theirs = {'a': np.float32([1, -4]), 'b': np.float32([10])}
    found = contest.differences({'a': np.float32([1, -3]), 'b': np.float32([10])}, theirs)
    assert found == {'a': 1.0, 'b': 0.0, 'relative': 0.25}


def test_a_section_brings_those_that_it_needs():
    """In the order in which they run."""
    assert in_order(['offload']) == ['edge_half', 'worker_half', 'offload']
    assert in_order(['transport', 'edge_half']) == ['edge_half', 'transport']
    assert in_order([*SECTIONS]) == [*SECTIONS]


def test_what_offloading_takes_is_the_sum_of_its_parts(tmp_path):
    """Of the edge's time, the worker's as it was told, and bytes over rate."""
    from pedsam_ros.bench import offload
    from pedsam_ros.bench.plan import Plan

    halves = {'sam': {'wall_s': 3.0}, 'ours': {'wall_s': 2.0}}
    measured = {'vit_b': {'sides': halves}}
    plan = Plan(('vit_b',), 1, 1, 1, 100.0, tmp_path)
    plan.found.update(edge_half=measured, worker_half=measured)
    found = offload._of(plan, 'vit_b')
    assert (found['local_sam_ms'], found['local_ours_ms'], found['edge_ms']) == (6000, 4000, 2000)
    slow = found['links'][0]
    bits = 8 * (found['up_bytes'] + found['down_bytes'])
    assert slow['offloaded_ms'] == pytest.approx(2100 + bits / 10_000)
    assert slow['ratio_to_ours'] == pytest.approx(slow['offloaded_ms'] / 4000)
    assert tables.text_of({'offload': {'vit_b': found}}).count('| vit_b |') == 3

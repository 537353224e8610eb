"""`pedsam firewall` and `pedsam sros2`: what they print and write for a workers.yaml."""

import argparse
import os
import subprocess
import sys

import pytest

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.tools import firewall, sros2

WORKERS = """\
workers:
  - {name: alice, domain_id: 11, peers: [10.0.0.7]}
  - {name: bob, domain_id: 12, peers: [10.0.1.7]}
"""
FAKE_ROS2 = '#!/bin/sh\n[ $2 != create_enclave ] || mkdir -p "$3/enclaves$4"\necho "$@" >> log\n'


@pytest.fixture
def workers(tmp_path):
    """A workers.yaml of two workers with addresses."""
    file = tmp_path / 'workers.yaml'
    file.write_text(WORKERS)
    return str(file)


def run(command, *words):
    """Runs a command with these words."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


def test_rules_are_printed_for_a_robot_and_for_a_server(workers, capsys, monkeypatch):
    """The robot's own domain comes from ROS_DOMAIN_ID."""
    monkeypatch.setenv('ROS_DOMAIN_ID', '3')
    assert run(firewall, workers, '--robot') == 0
    assert 'udp dport 8150-8399 drop' in capsys.readouterr().out
    assert run(firewall, workers, '--worker', 'bob', '--edge', '10.0.1.1') == 0
    assert 'udp dport 10400-10649 ip saddr 10.0.1.1 accept' in capsys.readouterr().out


def test_what_makes_no_sense_is_refused(workers):
    """A worker that is not there, a domain that DDS has not, a robot in a worker's domain."""
    for words in (
        ('--worker', 'dora', '--edge', '10.0.1.1'),
        ('--robot', '--domain', '233'),
        ('--robot', '--domain', '11'),
    ):
        with pytest.raises(ConfigError):
            run(firewall, workers, *words)


def test_the_script_makes_a_keystore_for_each_side(workers, tmp_path):
    """Each domain's commands name its own authority and domain id, and enclaves go where they
    are used."""
    out = tmp_path / 'keys'
    assert run(sros2, workers, '--out', str(out)) == 0
    (tmp_path / 'ros2').write_text(FAKE_ROS2)
    (tmp_path / 'ros2').chmod(0o755)
    path = {'PATH': f'{tmp_path}:{os.environ["PATH"]}'}
    subprocess.run(['sh', str(out / 'make_keystores.sh')], env=path, check=True)
    for name in ('alice', 'bob'):
        assert (out / f'{name}.policy.xml').is_file()
        assert (out / f'edge/enclaves/pedsam/{name}/edge').is_dir()
        assert [*(out / f'workers/{name}/enclaves/pedsam').glob('*/*')] == [
            out / f'workers/{name}/enclaves/pedsam/{name}/worker'
        ]
    assert 'security create_permission authority/bob /pedsam/bob/edge bob.policy.xml' in (
        (out / 'log').read_text()
    )


def test_the_folder_must_be_one_to_write_to(workers, tmp_path):
    """A file in its place is named, and nothing is written."""
    with pytest.raises(ConfigError, match='--out'):
        run(sros2, workers, '--out', sys.executable)

"""`pedsam operator` against the services of an edge."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from domains import domains
from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.operator_word import OperatorWord, read_or_make_secret
from pedsam_ros.nodes.compute import ComputeThread
from pedsam_ros.nodes.edge_services import Active, Services
from pedsam_ros.nodes.home import operator_path
from pedsam_ros.tools import operator
from two_nodes import TwoNodes

pytestmark = pytest.mark.ros


class Loop:
    """Releases carol, and nobody else."""

    def release(self, worker):
        if worker != 'carol':
            raise ConfigError(f'{worker}: not in quarantine')


def parsed(*words):
    parser = argparse.ArgumentParser()
    operator.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Runs the command while the services of a node are spun."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    with domains(1) as (domain_id,), closing(TwoNodes(domain_id)) as two:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain_id))
        word = OperatorWord(read_or_make_secret(operator_path()), '/reader')
        services, compute = Services(two.reader), ComputeThread(lambda: None, print)
        compute.start()
        services.active = Active(Loop(), compute, None, word)

        def run(*words):
            with ThreadPoolExecutor(1) as pool:
                future = pool.submit(operator.run, parsed(*words))
                two.until(future.done)
                return future.result()

        yield run
        compute.close()


def test_the_operator_releases_a_worker(asked, capsys):
    """With the secret that the edge has made, in the default place."""
    assert asked('release', 'carol', '--edge', '/reader') == 0
    assert '/reader has done it' in capsys.readouterr().out
    with pytest.raises(PedsamError, match='bob: not in quarantine'):
        asked('release', 'bob', '--edge', 'reader')


def test_another_secret_is_refused(asked, tmp_path):
    """The message says what is needed."""
    read_or_make_secret(tmp_path / 'other')
    words = ('release', 'carol', '--edge', '/reader', '--operator-file', str(tmp_path / 'other'))
    with pytest.raises(PedsamError, match='only the operator'):
        asked(*words)


@pytest.mark.parametrize(
    'words', [('release', 'carol', '--edge', 'x y'), ('release', 'c' * 40), ('release', '\x1b[2J')]
)
def test_a_request_that_cannot_be_is_named(words, tmp_path):
    """Before anything is asked."""
    read_or_make_secret(tmp_path / 'secret')
    with pytest.raises(ConfigError):
        operator.run(parsed(*words, '--operator-file', str(tmp_path / 'secret')))


def test_without_a_secret_nothing_is_asked(tmp_path):
    """The path is named."""
    with pytest.raises(ConfigError, match='nowhere'):
        operator.run(parsed('reset-exposure', '--operator-file', str(tmp_path / 'nowhere')))

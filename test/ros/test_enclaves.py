"""With DDS-Security on, each link asks for the rights of its own domain and side."""

import os

import pytest

from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.ros import identity
from pedsam_ros.ros.domain import DomainLink
from pedsam_ros.ros.worker_link import WorkerLink

pytestmark = pytest.mark.ros


@pytest.fixture
def no_keys(monkeypatch, tmp_path):
    """Security is enforced and the keystore empty: the error names the enclave asked for."""
    monkeypatch.setenv('ROS_SECURITY_ENABLE', 'true')
    monkeypatch.setenv('ROS_SECURITY_STRATEGY', 'Enforce')
    monkeypatch.setenv('ROS_SECURITY_KEYSTORE', str(tmp_path))


def ignore(*_):
    """Takes whatever a link hands over."""


@pytest.mark.parametrize('name', ['alice', 'bob'])
def test_the_edge_has_other_rights_in_each_domain(no_keys, name, domain_id):
    """Contexts of one process have different enclaves."""
    worker = WorkerEntry(name=name, domain_id=domain_id)
    with pytest.raises(RuntimeError, match=f'enclaves/pedsam/{name}/edge'):
        DomainLink(worker, None, 0, ignore, ignore, ignore)


def test_a_worker_has_the_rights_of_its_side(no_keys, domain_id):
    """And not those of its process, whose node is in no domain, or in its operator's."""
    with pytest.raises(RuntimeError, match='enclaves/pedsam/alice/worker'):
        WorkerLink('alice', None, ignore, ignore, ignore, domain_id=domain_id)


def test_a_node_that_is_apart_needs_no_rights(no_keys):
    """It would have to be allowed in a domain where it shows nothing."""
    with identity.apart():
        assert os.environ['ROS_SECURITY_ENABLE'] == 'false'
    assert os.environ['ROS_SECURITY_ENABLE'] == 'true'

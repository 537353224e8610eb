"""Which variable tells Fast DDS of our profile."""

import os

import pytest

from pedsam_ros.ros import identity

pytestmark = pytest.mark.ros
NAMES = {'humble': 'FASTRTPS', 'jazzy': 'FASTRTPS', 'kilted': 'FASTDDS', '': 'FASTDDS'}


@pytest.mark.parametrize('distro', NAMES)
def test_each_distribution_is_told_by_the_name_it_knows(monkeypatch, distro):
    """Fast DDS 3 renamed it; a profile of the user's own stays."""
    for vendor in ('FASTRTPS', 'FASTDDS'):
        monkeypatch.delenv(f'{vendor}_DEFAULT_PROFILES_FILE', raising=False)
    monkeypatch.setenv('ROS_DISTRO', distro)
    identity.hide()
    variable = f'{NAMES[distro]}_DEFAULT_PROFILES_FILE'
    assert os.environ[variable].endswith('config/fastdds.xml')
    monkeypatch.setenv(variable, '/own.xml')
    identity.hide()
    assert os.environ[variable] == '/own.xml'
    monkeypatch.delenv(variable)

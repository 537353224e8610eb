"""Which variable tells Fast DDS of which profile."""

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pedsam_ros.ros import identity

pytestmark = pytest.mark.ros
CONFIG = Path(__file__).parents[2] / 'config'
NAMES = {'humble': 'FASTRTPS', 'jazzy': 'FASTRTPS', 'kilted': 'FASTDDS', '': 'FASTDDS'}


@pytest.mark.parametrize('distro', NAMES)
def test_each_distribution_is_told_by_the_name_it_knows(monkeypatch, distro):
    """Fast DDS 3 renamed it; a profile of the user's own stays."""
    variables = [f'{vendor}_DEFAULT_PROFILES_FILE' for vendor in ('FASTRTPS', 'FASTDDS')]
    environment = {k: v for k, v in os.environ.items() if k not in variables}
    environment |= {'ROS_DISTRO': distro}
    monkeypatch.setattr(os, 'environ', environment)
    identity.hide()
    (told,) = [variable for variable in variables if variable in environment]
    assert told == f'{NAMES[distro]}_DEFAULT_PROFILES_FILE'
    assert environment[told].endswith(f'config/{NAMES[distro].lower()}.xml')
    environment[told] = '/own.xml'
    identity.hide()
    assert environment[told] == '/own.xml'


def test_both_profiles_say_the_same():
    """Fast DDS 3 gave one of the elements another name."""
    newer, older = (ElementTree.parse(CONFIG / f'{name}.xml') for name in ('fastdds', 'fastrtps'))
    for element in older.iter():
        element.tag = element.tag.replace('heartbeatPeriod', 'heartbeat_period')
    assert ElementTree.tostring(newer.getroot()) == ElementTree.tostring(older.getroot())

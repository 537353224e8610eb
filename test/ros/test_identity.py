"""Every version of Fast DDS is pointed to a profile that it understands."""

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
    """Fast DDS 3 reads another variable than Fast DDS 2. A user's own profile is kept."""
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
    """The two differ in the name of one element.

    With the other version's name, Fast DDS would ignore the whole file.
    """
    names = {'fastdds': 'heartbeat_period', 'fastrtps': 'heartbeatPeriod'}
    said = set()
    for profile, name in names.items():
        root = ElementTree.parse(CONFIG / f'{profile}.xml').getroot()
        (renamed,) = [element for element in root.iter() if 'eartbeat' in element.tag]
        assert renamed.tag.endswith(name)
        renamed.tag = ''
        said.add(ElementTree.tostring(root))
    assert len(said) == 1

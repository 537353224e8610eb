"""Every version of Fast DDS is pointed to a profile that it understands."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pedsam_ros.ros import identity

pytestmark = pytest.mark.ros
CONFIG = Path(__file__).parents[2] / 'config'
VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
UHD_BYTES = 3840 * 2160 * 3


@pytest.fixture
def environment(monkeypatch):
    """The environment, which holds no profile and may be changed."""
    own = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    monkeypatch.setattr(os, 'environ', own)
    return own


def told(environment):
    """The names of the files that Fast DDS is told, by variable."""
    return {name: Path(environment[name]).name for name in VARIABLES if name in environment}


@pytest.mark.parametrize('distro', ['humble', 'jazzy', ''])
def test_fast_dds_2_is_told_by_the_name_it_knows(environment, distro, tmp_path, monkeypatch):
    """Kilted would warn of that name, and Fast DDS 3 knows other elements."""
    (tmp_path / 'share/fastrtps').mkdir(parents=True)
    monkeypatch.setattr(identity, 'get_package_prefix', lambda name: str(tmp_path))
    environment['ROS_DISTRO'] = distro
    identity.hide()
    assert told(environment) == {VARIABLES[0]: 'fastrtps.xml'}


@pytest.mark.parametrize('distro', ['kilted', 'rolling', ''])
def test_fast_dds_3_is_told_by_the_name_it_knows(environment, distro, tmp_path, monkeypatch):
    """And by no other."""
    monkeypatch.setattr(identity, 'get_package_prefix', lambda name: str(tmp_path))
    environment['ROS_DISTRO'] = distro
    identity.hide()
    assert told(environment) == {VARIABLES[1]: 'fastdds.xml'}


def test_who_publishes_images_gets_the_profile_for_images(environment):
    """`hide` comes later, in every node, and keeps it."""
    identity.carry_images()
    identity.hide()
    assert list(told(environment).values()) == ['camera_fastdds.xml']


@pytest.mark.parametrize('profile', [identity.hide, identity.carry_images])
def test_a_users_own_profile_is_kept(environment, profile):
    """It is for the user to say what DDS does."""
    environment |= dict.fromkeys(VARIABLES, '/own.xml')
    profile()
    assert [environment[name] for name in VARIABLES] == ['/own.xml'] * 2


def test_fast_dds_gives_a_publisher_of_images_room_for_one_of_4k():
    """Fast DDS ignores a profile that it does not understand, so look at its shared memory."""
    code = """
import rclpy
from pedsam_ros.ros import identity
identity.carry_images()
rclpy.init()
node = rclpy.create_node('camera')
print(open('/proc/self/maps').read())
rclpy.shutdown()
"""
    own = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    maps = subprocess.run(
        [sys.executable, '-c', code], env=own, capture_output=True, text=True, check=True
    ).stdout
    shared = [line.split() for line in maps.splitlines() if '/dev/shm/fast' in line]
    sizes = [
        int(end, 16) - int(begin, 16) for begin, end in (line[0].split('-') for line in shared)
    ]
    assert max(sizes) > UHD_BYTES


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

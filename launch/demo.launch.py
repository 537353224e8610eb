"""Everything on one machine: the edge, the workers of workers_file, and what shows it images.

Edge and workers get keys and a ledger of their own, below pedsam/demo in ROS_HOME.

The arguments of edge.launch.py hold as well. Where workers have an argument of the same name, such
as device or respawn, it holds for them, too.
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource

from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.workers_file import read_workers
from pedsam_ros.nodes.home import keys_path
from pedsam_ros.nodes.keys_of_all import KeysOfAll, write_workers
from pedsam_ros.ros.launch_arguments import PROMPTS, arguments, node

SHARE = Path(get_package_share_directory('pedsam_ros'))
FOLDER = keys_path().with_name('demo')
OPTIONS = {'rate': '1.0', 'clock_hz': '0.0', 'loop': 'true'}  # of the replay, if a bag is played
EDGE = {  # its settings; points and a box are decoded fast, and lie within the photographs
    'workers_file': str(SHARE / 'config' / 'workers.yaml'),
    'points': '[160, 144, 320, 144, 480, 144, 160, 336, 320, 336, 480, 336]',
    'boxes': '[192, 120, 448, 360]',
}

ARGUMENTS = [
    *arguments(EdgeConfig, EDGE, PROMPTS),
    DeclareLaunchArgument(
        'checkpoint',
        default_value='vit_tiny',
        description="whole model for all: a file, 'vit_tiny' (included) or 'random:ARCH:SEED'",
    ),
    DeclareLaunchArgument(
        'camera',
        default_value='photos',
        choices=['photos', 'none'],
        description='what publishes image: photographs like a moving camera, or a camera of yours',
    ),
    DeclareLaunchArgument(
        'bag',
        default_value='',
        description='bag to play instead of a camera; image names its topic',
    ),
    *arguments(ReplayConfig, OPTIONS),
]


def generate_launch_description():
    """Includes the edge first, so that the defaults of its arguments hold for the rest too."""
    keys, workers, camera = (OpaqueFunction(function=f) for f in (_keys, _workers, _camera))
    return LaunchDescription([*ARGUMENTS, keys, _include('edge'), workers, camera])


def _include(file, **arguments):
    path = str(SHARE / 'launch' / f'{file}.launch.py')
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(path), launch_arguments=arguments.items()
    )


def _keys(context):
    """Makes keys, and has the edge read a workers file that names them.

    Raises ConfigError before any process starts: after an error launch ends nothing.
    """
    told = context.launch_configurations
    workers = _read(context)
    if told.get('insecure', '').lower() != 'true':
        keys = KeysOfAll(FOLDER)
        told['key_folder'] = str(keys.edge.folder)
        told['ledger_file'] = told.get('ledger_file') or str(FOLDER / 'exposure.json')
        told['workers_file'] = str(write_workers(FOLDER / 'workers.yaml', keys.given_to(workers)))


def _workers(context):
    """Includes each worker."""
    params_file = str(SHARE / 'config' / 'worker.yaml')  # the argument params_file is the edge's
    return [
        _include(
            'worker',
            name=each.name,
            domain_id=str(each.domain_id),
            params_file=params_file,
            **(KeysOfAll(FOLDER).of_worker(each.name) if each.key else {}),
        )
        for each in _read(context)
    ]


def _read(context):
    """The workers of the file. Raises ConfigError, which ends the launch, if a rule is broken."""
    own_domain = os.environ.get('ROS_DOMAIN_ID') or '0'
    if not own_domain.isdecimal():
        raise ConfigError(f'ROS_DOMAIN_ID={own_domain!r}: a number is expected')
    return read_workers(context.launch_configurations['workers_file'], int(own_domain))


def _camera(context):
    told = context.launch_configurations
    if told['bag']:
        return [_include('replay', bag=told['bag'])]
    if told['camera'] == 'none':
        return []
    remappings = [('camera/image_raw', told['image'])]
    follows = ('namespace', 'log_level')
    return [
        node(context, 'pedsam', 'camera', follows, arguments=['camera'], remappings=remappings)
    ]

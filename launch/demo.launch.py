"""Everything on one machine: the edge, the workers of workers_file, and a bag or a camera.

The arguments of edge.launch.py hold as well; device, precision and autostart also for the workers.
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.ros.launch_arguments import arguments
from pedsam_ros.ros.params import read_workers

SHARE = Path(get_package_share_directory('pedsam_ros'))
OPTIONS = {'rate': '1.0', 'loop': 'true'}  # of the replay, if a bag is played

ARGUMENTS = [
    *arguments(EdgeConfig, {'workers_file': str(SHARE / 'config' / 'workers.yaml')}),
    DeclareLaunchArgument(
        'checkpoint',
        default_value='vit_tiny',
        description="whole model for all: a file, 'vit_tiny' (included) or 'random:ARCH:SEED'",
    ),
    DeclareLaunchArgument(
        'bag',
        default_value='',
        description='bag to play; if empty, photographs are published like a moving camera',
    ),
    *arguments(ReplayConfig, OPTIONS),
]


def generate_launch_description():
    """Includes the edge first, so that the defaults of its arguments hold for the rest too."""
    check, workers, camera = (OpaqueFunction(function=f) for f in (_check, _workers, _camera))
    return LaunchDescription([*ARGUMENTS, check, _include('edge'), workers, camera])


def _include(file, **arguments):
    path = str(SHARE / 'launch' / f'{file}.launch.py')
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(path), launch_arguments=arguments.items()
    )


def _check(context):
    """Checks the workers file before any process starts: after an error launch ends nothing."""
    _workers(context)


def _workers(context):
    """Includes each worker. Raises ConfigError, which ends the launch, if a rule is broken."""
    own_domain = os.environ.get('ROS_DOMAIN_ID') or '0'
    if not own_domain.isdecimal():
        raise ConfigError(f'ROS_DOMAIN_ID={own_domain!r}: a number is expected')
    params_file = str(SHARE / 'config' / 'worker.yaml')  # the argument params_file is the edge's
    return [
        _include('worker', name=each.name, domain_id=str(each.domain_id), params_file=params_file)
        for each in read_workers(context.launch_configurations['workers_file'], int(own_domain))
    ]


def _camera(context):
    if context.launch_configurations['bag']:
        return [_include('replay', bag=LaunchConfiguration('bag'))]
    camera = Node(
        package='pedsam_ros',
        executable='pedsam',
        name='camera',
        arguments=['camera'],
        remappings=[('camera/image_raw', LaunchConfiguration('image'))],
        output='screen',
    )
    return [camera]

"""All on one machine: edge, the workers of workers_file in their domains, and a bag or a camera.

Arguments not declared here are those of edge.launch.py; device, precision and autostart hold for
the workers too.
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.ros.params import read_workers

SHARE = Path(get_package_share_directory('pedsam_ros'))

ARGUMENTS = [
    DeclareLaunchArgument(
        'workers_file',
        default_value=str(SHARE / 'config' / 'workers.yaml'),
        description='YAML list of the workers to start: name, domain_id, windows allowed',
    ),
    DeclareLaunchArgument(
        'checkpoint',
        default_value='vit_tiny',
        description="whole model for all: a file, 'vit_tiny' (comes along), or 'random:ARCH:SEED'",
    ),
    DeclareLaunchArgument(
        'bag',
        default_value='',
        description='bag to play; empty: photographs, published like a moving camera',
    ),
    DeclareLaunchArgument(
        'rate', default_value='1.0', description='with bag: times as fast as recorded'
    ),
    DeclareLaunchArgument(
        'loop',
        default_value='true',
        choices=['true', 'false', 'True', 'False'],
        description='with bag: again and again, until Ctrl-C',
    ),
]


def generate_launch_description():
    """The edge is included first: what its arguments say by default holds for the rest too."""
    check, workers, camera = (OpaqueFunction(function=f) for f in (_check, _workers, _camera))
    return LaunchDescription([*ARGUMENTS, check, _include('edge'), workers, camera])


def _include(file, **arguments):
    path = str(SHARE / 'launch' / f'{file}.launch.py')
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(path), launch_arguments=arguments.items()
    )


def _check(context):
    """Before any process is started: launch does not end what it started just before an error."""
    _workers(context)


def _workers(context):
    """Raises ConfigError, which ends the launch, if the workers file breaks a rule."""
    own_domain = os.environ.get('ROS_DOMAIN_ID') or '0'
    if not own_domain.isdecimal():
        raise ConfigError(f'ROS_DOMAIN_ID={own_domain!r}: a number is expected')
    params_file = str(SHARE / 'config' / 'worker.yaml')  # not the edge's
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

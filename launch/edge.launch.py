"""The edge in the robot's own domain (ROS_DOMAIN_ID), with its overlay and, if asked, rviz2."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.ros.launch_arguments import (
    BOOLEANS,
    PROMPTS,
    arguments,
    given,
    node,
    node_arguments,
)

CONFIG = Path(get_package_share_directory('pedsam_ros'), 'config')
PARAMETERS = {  # parameter -> default of its argument; empty: as in params_file
    'image_transport': 'raw',
    'workers_file': str(CONFIG / 'workers.yaml'),
    'autostart': 'true',
    'checkpoint': '',
    'device': '',
    'backend': '',
    'precision': '',
    'transport': '',
    'every_frame': '',
    'key_folder': '',
    'ledger_file': '',
    'insecure': '',
    'imu_mounting': '',
    'points': '',
    'boxes': '',
}
TOPICS = {  # argument -> its default and text
    'image': ('camera/image_raw', 'image topic of the camera, without /compressed'),
    'camera_info': ('', 'its camera_info topic (empty: the one beside image)'),
    'imu': ('imu', 'topic of the IMU, heard if imu_mounting is set'),
    'masks': ('', 'topic for the masks (empty: NODE_NAME/masks)'),
    'overlay_topic': ('overlay', 'topic for the overlay'),
}
ARGUMENTS = [
    *(
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in TOPICS.items()
    ),
    *arguments(EdgeConfig, PARAMETERS, PROMPTS),
    DeclareLaunchArgument(
        'params_file',
        default_value=str(CONFIG / 'edge.yaml'),
        description='YAML file with all parameters of the edge node',
    ),
    DeclareLaunchArgument(
        'node_name', default_value='edge', description='name of the edge node and of its topics'
    ),
    DeclareLaunchArgument(
        'overlay',
        default_value='true',
        choices=BOOLEANS,
        description='publish the overlay, the image with the masks painted on it',
    ),
    DeclareLaunchArgument(
        'rviz',
        default_value='false',
        choices=BOOLEANS,
        description='show camera, overlay and label image in rviz2',
    ),
    *node_arguments(),
]


def generate_launch_description():
    """Starts rviz2 first, as it may be missing: after an error launch ends nothing it started."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=_nodes)])


def _nodes(context):
    """Makes the nodes. Raises ConfigError, which ends the launch, if an argument is wrong."""
    told = dict(context.launch_configurations)
    if told['image'].endswith('/compressed'):
        raise ConfigError(
            f'image={told["image"]}: give it without /compressed, and image_transport:=compressed'
        )
    told['masks'] = told['masks'] or f'{told["node_name"]}/masks'
    return [_rviz(context, told), _overlay(context, told), _edge(context, told)]


def _camera(told):
    return [('image', told['image']), ('image/compressed', f'{told["image"]}/compressed')]


def _edge(context, told):
    info = [('camera_info', told['camera_info'])] if told['camera_info'] else []
    return node(
        context,
        'edge_node',
        told['node_name'],
        parameters=[told['params_file'], given(context, EdgeConfig, PARAMETERS)],
        remappings=[*_camera(told), *info, ('imu', told['imu']), ('~/masks', told['masks'])],
        sigterm_timeout='15',  # s after SIGINT; the node first finishes the work in hand
    )


def _overlay(context, told):
    return node(
        context,
        'overlay_node',
        'overlay',
        parameters=[
            str(CONFIG / 'overlay.yaml'),
            {'image_transport': told['image_transport']},
        ],
        remappings=[*_camera(told), ('masks', told['masks']), ('overlay', told['overlay_topic'])],
        condition=IfCondition(LaunchConfiguration('overlay')),
    )


def _rviz(context, told):
    edge = told['node_name']
    shown = {  # topic in pedsam.rviz -> topic here, in the namespace if it is relative
        '/camera/image_raw': told['image'],
        '/overlay': told['overlay_topic'],
        '/edge/label_image': f'{edge}/label_image',
        '/edge/point': f'{edge}/point',
    }
    return node(
        context,
        'rviz2',
        'rviz2',
        ('namespace', 'use_sim_time'),
        package='rviz2',
        arguments=['-d', str(CONFIG / 'pedsam.rviz')],
        remappings=shown.items(),
        condition=IfCondition(LaunchConfiguration('rviz')),
    )

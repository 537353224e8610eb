"""The edge in the robot's own domain (ROS_DOMAIN_ID), with its overlay and, if asked, rviz2."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.ros.launch_arguments import BOOLEANS, arguments, given

CONFIG = Path(get_package_share_directory('pedsam_ros'), 'config')
IMAGE = LaunchConfiguration('image')
CAMERA = [('image', IMAGE), ('image/compressed', [IMAGE, '/compressed'])]
PARAMETERS = {  # parameter -> default of its argument; empty: as in params_file
    'image_transport': 'raw',
    'workers_file': str(CONFIG / 'workers.yaml'),
    'autostart': 'true',
    'checkpoint': '',
    'device': '',
    'precision': '',
    'transport': '',
    'every_frame': '',
}
ARGUMENTS = [
    DeclareLaunchArgument(
        'image',
        default_value='camera/image_raw',
        description='image topic of the camera, without /compressed',
    ),
    *arguments(EdgeConfig, PARAMETERS),
    DeclareLaunchArgument(
        'params_file',
        default_value=str(CONFIG / 'edge.yaml'),
        description='YAML file with all parameters of the edge node',
    ),
    DeclareLaunchArgument(
        'overlay',
        default_value='true',
        choices=BOOLEANS,
        description='publish overlay, the image with the masks painted on it',
    ),
    DeclareLaunchArgument(
        'rviz',
        default_value='false',
        choices=BOOLEANS,
        description='show camera, overlay and label image in rviz2',
    ),
]


def generate_launch_description():
    """Starts rviz2 first, as it may be missing: after an error launch ends nothing it started."""
    edge = OpaqueFunction(function=_edge)
    return LaunchDescription([*ARGUMENTS, _rviz(), _overlay(), edge])


def _edge(context):
    edge = Node(
        package='pedsam_ros',
        executable='edge_node',
        name='edge',
        parameters=[LaunchConfiguration('params_file'), given(context, EdgeConfig, PARAMETERS)],
        remappings=CAMERA,
        output='screen',
        sigterm_timeout='15',  # s after SIGINT; the node first finishes the work in hand
    )
    return [edge]


def _overlay():
    return Node(
        package='pedsam_ros',
        executable='overlay_node',
        name='overlay',
        parameters=[
            str(CONFIG / 'overlay.yaml'),
            {'image_transport': LaunchConfiguration('image_transport')},
        ],
        remappings=[*CAMERA, ('masks', 'edge/masks')],
        output='screen',
        condition=IfCondition(LaunchConfiguration('overlay')),
    )


def _rviz():
    return Node(
        package='rviz2',
        executable='rviz2',
        name='rviz2',
        arguments=['-d', str(CONFIG / 'pedsam.rviz')],
        remappings=[('/camera/image_raw', IMAGE)],
        output='screen',
        condition=IfCondition(LaunchConfiguration('rviz')),
    )

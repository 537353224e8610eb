"""The edge in the robot's own domain (ROS_DOMAIN_ID), with its overlay and, if asked, rviz2."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

CONFIG = Path(get_package_share_directory('pedsam_ros'), 'config')
IMAGE = LaunchConfiguration('image')
CAMERA = [('image', IMAGE), ('image/compressed', [IMAGE, '/compressed'])]
BOOLEANS = ['true', 'false', 'True', 'False']
AS_IN_FILE = ' (empty: as in params_file)'

ARGUMENTS = [
    DeclareLaunchArgument(
        'image',
        default_value='camera/image_raw',
        description='image topic of the camera, without /compressed',
    ),
    DeclareLaunchArgument(
        'image_transport',
        default_value='raw',
        choices=['raw', 'compressed'],
        description='compressed: the image topic + /compressed is taken',
    ),
    DeclareLaunchArgument(
        'workers_file',
        default_value=str(CONFIG / 'workers.yaml'),
        description='YAML list of the workers: name, domain_id, windows allowed, peers, spare',
    ),
    DeclareLaunchArgument(
        'params_file',
        default_value=str(CONFIG / 'edge.yaml'),
        description='all parameters of the edge node',
    ),
    DeclareLaunchArgument(
        'autostart',
        default_value='true',
        choices=BOOLEANS,
        description='configure and activate at once; false: wait for a lifecycle manager',
    ),
    DeclareLaunchArgument(
        'checkpoint',
        default_value='',
        description="edge half or whole model: a file, 'vit_tiny', 'random:ARCH:SEED'"
        + AS_IN_FILE,
    ),
    DeclareLaunchArgument(
        'device',
        default_value='',
        description='torch device: cpu, cuda, cuda:0 ...' + AS_IN_FILE,
    ),
    DeclareLaunchArgument(
        'precision',
        default_value='',
        description='arithmetic of the global blocks: float32, float16 or bfloat16' + AS_IN_FILE,
    ),
    DeclareLaunchArgument(
        'transport',
        default_value='',
        description='how embeddings travel: float32, float16 or int8' + AS_IN_FILE,
    ),
    DeclareLaunchArgument(
        'every_frame',
        default_value='',
        choices=[*BOOLEANS, ''],
        description='true: queue frames; false: drop old ones' + AS_IN_FILE,
    ),
    DeclareLaunchArgument(
        'overlay',
        default_value='true',
        choices=BOOLEANS,
        description='publish overlay: the masks painted on the image',
    ),
    DeclareLaunchArgument(
        'rviz',
        default_value='false',
        choices=BOOLEANS,
        description='show camera, overlay and label image in rviz2',
    ),
]
PARAMETERS = {
    'image_transport': str,
    'workers_file': str,
    'autostart': bool,
    'checkpoint': str,
    'device': str,
    'precision': str,
    'transport': str,
    'every_frame': bool,
}


def generate_launch_description():
    """First rviz2, which may be missing: launch does not end what it started before an error."""
    edge = OpaqueFunction(function=_edge)
    return LaunchDescription([*ARGUMENTS, _rviz(), _overlay(), edge])


def _edge(context):
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in PARAMETERS.items()
        if context.launch_configurations[name]
    }
    edge = Node(
        package='pedsam_ros',
        executable='edge_node',
        name='edge',
        parameters=[LaunchConfiguration('params_file'), given],
        remappings=CAMERA,
        output='screen',
        sigterm_timeout='15',  # s from SIGINT on; the work in hand is finished first
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

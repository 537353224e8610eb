"""One worker on this host, in a DDS domain of its own: what the operator of a server starts."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from pedsam_ros.core.workers_file import WorkerEntry

CONFIG = Path(get_package_share_directory('pedsam_ros'), 'config')
OWN_DOMAIN = EnvironmentVariable('ROS_DOMAIN_ID', default_value='0')
BOOLEANS = ['true', 'false', 'True', 'False']
AS_IN_FILE = ' (empty: as in params_file)'

ARGUMENTS = [
    DeclareLaunchArgument(
        'name',
        default_value='worker',
        description='its name in the workers.yaml of the edge, and in its topics',
    ),
    DeclareLaunchArgument(
        'domain_id',
        default_value=OWN_DOMAIN,
        description='its DDS domain, as in the workers.yaml of the edge: 0 to 232',
    ),
    DeclareLaunchArgument(
        'params_file',
        default_value=str(CONFIG / 'worker.yaml'),
        description='all parameters of the node',
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
        description="worker half or whole model: a file, 'vit_tiny', 'random:ARCH:SEED'"
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
        description='arithmetic of the window blocks: float32, float16 or bfloat16' + AS_IN_FILE,
    ),
    DeclareLaunchArgument(
        'threads',
        default_value='',
        description='torch threads, 0 = as many as cores' + AS_IN_FILE,
    ),
]
PARAMETERS = {
    'name': str,
    'autostart': bool,
    'checkpoint': str,
    'device': str,
    'precision': str,
    'threads': int,
}


def generate_launch_description():
    """Its arguments and the node."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=_worker)])


def _worker(context):
    """Raises ConfigError, which ends the launch, if name or domain_id break a rule."""
    name, domain_id = (context.launch_configurations[key] for key in ('name', 'domain_id'))
    domain_id = domain_id or '0'  # ROS_DOMAIN_ID may be set, and empty
    WorkerEntry(name=name, domain_id=int(domain_id) if domain_id.isdecimal() else domain_id)
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in PARAMETERS.items()
        if context.launch_configurations[name]
    }
    worker = Node(
        package='pedsam_ros',
        executable='worker_node',
        name=LaunchConfiguration('name'),
        parameters=[LaunchConfiguration('params_file'), given],
        additional_env={'ROS_DOMAIN_ID': LaunchConfiguration('domain_id')},
        output='screen',
        sigterm_timeout='15',  # s from SIGINT on; the work in hand is finished first
    )
    return [worker]

"""One worker on this host, in a DDS domain of its own: what the operator of a server starts."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import EnvironmentVariable

from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.ros.launch_arguments import OF_PROCESSES, arguments, given, node, node_arguments

CONFIG = Path(get_package_share_directory('pedsam_ros'), 'config')
OWN_DOMAIN = EnvironmentVariable('ROS_DOMAIN_ID', default_value='0')
PARAMETERS = {  # parameter -> default of its argument; empty: as in params_file
    'name': 'worker',
    'autostart': 'true',
    'checkpoint': '',
    'edge_key': '',
    'key_folder': '',
    'insecure': '',
    'device': '',
    'backend': '',
    'precision': '',
    'threads': '',
}
ARGUMENTS = [
    *arguments(WorkerConfig, PARAMETERS),
    *arguments(WorkerEntry, {'domain_id': OWN_DOMAIN}),
    DeclareLaunchArgument(
        'params_file',
        default_value=str(CONFIG / 'worker.yaml'),
        description='YAML file with all parameters of the node',
    ),
    DeclareLaunchArgument(
        'operator_domain',
        default_value='',
        description='DDS domain, on this machine only, in which ros2 sees the node and drives it '
        '(empty: nobody sees it)',
    ),
    *node_arguments(OF_PROCESSES),
]


def generate_launch_description():
    """Declares the arguments and starts the node."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=_worker)])


def _worker(context):
    """Makes the node. Raises ConfigError, which ends the launch, if name or domain_id break a
    rule."""
    told = context.launch_configurations
    domain_id = told['domain_id'] or '0'  # ROS_DOMAIN_ID may be set, and empty
    WorkerEntry(
        name=told['name'], domain_id=int(domain_id) if domain_id.isdecimal() else domain_id
    )
    worker = node(
        context,
        'worker_node',
        told['name'],
        OF_PROCESSES,
        namespace='/',  # not the robot's: nothing of it belongs into a worker's domain
        parameters=[told['params_file'], given(context, WorkerConfig, PARAMETERS)],
        additional_env={
            'ROS_DOMAIN_ID': domain_id,
            'PEDSAM_OPERATOR_DOMAIN': told['operator_domain'],
        },
        sigterm_timeout='15',  # s after SIGINT; the node first finishes the work in hand
    )
    return [worker]

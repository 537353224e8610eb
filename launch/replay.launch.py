"""Plays a bag with `pedsam replay`, whose reliable topics an edge with `every_frame` can read."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.ros.launch_arguments import arguments

OPTIONS = {'rate': '1.0', 'loop': 'false'}  # option of pedsam replay -> default of its argument
ARGUMENTS = [
    DeclareLaunchArgument('bag', description='rosbag2 folder, or one .mcap or .db3 file'),
    DeclareLaunchArgument(
        'topics',
        default_value='',
        description='publish only these topics, with spaces or commas between them (empty: all)',
    ),
    *arguments(ReplayConfig, OPTIONS),
]


def generate_launch_description():
    """Declares the arguments and starts the player."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=_player)])


def _player(context):
    words = ['replay', LaunchConfiguration('bag'), '--rate', LaunchConfiguration('rate')]
    if IfCondition(LaunchConfiguration('loop')).evaluate(context):
        words.append('--loop')
    if topics := context.launch_configurations['topics'].replace(',', ' ').split():
        words += ['--topics', *topics]
    return [Node(package='pedsam_ros', executable='pedsam', arguments=words, output='screen')]

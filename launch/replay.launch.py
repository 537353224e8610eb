"""Plays a bag: with rosbag2 where it is installed, else with `pedsam replay`."""

from ament_index_python.packages import get_packages_with_prefixes
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node


def generate_launch_description():
    """Its arguments and the player."""
    return LaunchDescription(
        [
            DeclareLaunchArgument('bag', description='rosbag2 folder, or one .mcap or .db3 file'),
            DeclareLaunchArgument(
                'rate', default_value='1.0', description='times as fast as recorded'
            ),
            DeclareLaunchArgument(
                'loop', default_value='false', description='again and again, until Ctrl-C'
            ),
            OpaqueFunction(function=_player),
        ]
    )


def _player(context):
    words = [LaunchConfiguration('bag'), '--rate', LaunchConfiguration('rate')]
    if IfCondition(LaunchConfiguration('loop')).evaluate(context):
        words.append('--loop')
    if 'ros2bag' in get_packages_with_prefixes():
        return [ExecuteProcess(cmd=['ros2', 'bag', 'play', *words], output='screen')]
    replay = ['replay', *words]
    return [Node(package='pedsam_ros', executable='pedsam', arguments=replay, output='screen')]

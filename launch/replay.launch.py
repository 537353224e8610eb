"""Plays a bag with `pedsam replay`, whose reliable topics an edge with `every_frame` can read."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction

from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.ros.launch_arguments import arguments, node, node_arguments

OPTIONS = {  # option of pedsam replay -> default of its argument
    'rate': '1.0',
    'clock_hz': '0.0',
    'loop': 'false',
}
ARGUMENTS = [
    DeclareLaunchArgument('bag', description='rosbag2 folder, or one .mcap or .db3 file'),
    DeclareLaunchArgument(
        'topics',
        default_value='',
        description='publish only these topics, with spaces or commas between them (empty: all)',
    ),
    *arguments(ReplayConfig, OPTIONS),
    *node_arguments(['log_level']),
]


def generate_launch_description():
    """Declares the arguments and starts the player."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=_player)])


def _player(context):
    told = context.launch_configurations
    words = ['replay', told['bag'], '--rate', told['rate'], '--clock', told['clock_hz']]
    if told['loop'].lower() == 'true':
        words.append('--loop')
    if topics := told['topics'].replace(',', ' ').split():
        words += ['--topics', *topics]
    return [node(context, 'pedsam', 'pedsam_replay', ['log_level'], arguments=words)]

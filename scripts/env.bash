# Source this for the ROS 2 of .venv and, once built, of install/: the bare machine's /opt/ros/*/setup.bash.
_pedsam_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH PYTHONPATH COLCON_PREFIX_PATH CMAKE_PREFIX_PATH
source "$_pedsam_root/.venv/bin/activate"
export AMENT_PREFIX_PATH=$VIRTUAL_ENV
ROS_DISTRO=$(cat "$VIRTUAL_ENV/ros_distro") && export ROS_DISTRO  # as setup.bash of /opt/ros does
if [ -f "$_pedsam_root/install/setup.bash" ]; then source "$_pedsam_root/install/setup.bash"; fi

"""Moves bytes between ROS and core types, and holds the link to each worker's DDS domain.

`convert` and `images` turn messages into core types and back, `params` does so for parameters,
`qos` names the quality of service of every topic, and `domain` is the edge's node in a worker's
domain. The room may import `core`. Start reading at `convert`.
"""

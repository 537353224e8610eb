"""Reads and writes rosbag2 files without rosbag2, and fills them from images, videos or topics.

`rosbag` is the door: it writes bags, with message definitions from `message_types`, and reads
those of any tool. `bag_files` finds a bag's files; `mcap_file` and `sqlite_file` read them, within
the limits of `unpacking` and `core.foreign_text`. `image_topics` finds the images in a bag.
`image_files` and `sample_photos` give frames, which `make_bag` writes. `record` and `replay` join
a bag to live topics; `playable` says which topics can be played, `timeline` when. The room may
import `core` and `ros`. Start reading at `rosbag`.
"""

"""Reads and writes rosbag2 files without rosbag2, and fills them from images, videos or topics.

`rosbag` reads and writes the files, with message definitions from `message_types`; `image_topics`
finds the images in a bag. `image_files` and `sample_photos` give frames, which `make_bag` writes;
`record` and `replay` join a bag to live topics. The room may import `core` and `ros`. Start
reading at `rosbag`.
"""

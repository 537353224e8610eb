"""Measures how good masks are, on images with known segments.

`label_maps` and `coco` read the images into `samples`, with a point of each segment by a rule of
`points`. `protocol` asks a model about them and scores its masks with `rle`; `variants` are the
models that are compared, `baselines` those that need little or no model, `without_image` tells
what the workers contribute. `results`, `tables` and `picture` present the outcome.
`automatic_recall` compares automatic masks with those of SAM's own generator, `sams_generator`.
The room may import `core`, `core.model` and `trial`. Start reading
at `protocol`.
"""

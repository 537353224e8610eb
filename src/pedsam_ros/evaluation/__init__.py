"""Measures how good masks are: mean IoU on label maps and on COCO.

`label_maps` and `coco` read images with known segments, `protocol` asks for a mask of each and
scores it, `variants` names the models to compare, and `tables` prints the results. The room may
import `core`, `core.model` and `trial`. Start reading at `protocol`.
"""

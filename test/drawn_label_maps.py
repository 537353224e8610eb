"""Small images with known segments, in both formats, and a model with fixed answers."""

import json

import cv2
import numpy as np

from fakes import frame
from pedsam_ros.core.types import Frame, FrameKey, Masks
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.protocol import answers, scores

HEIGHT, WIDTH = 40, 60


def labels():
    """(40, 60) uint16: a ring, two segments that touch it and each other, one in two parts, and
    a dot."""
    found = np.zeros((HEIGHT, WIDTH), np.uint16)
    found[5:25, 5:30] = 1
    found[10:20, 12:22] = 0
    found[5:25, 30:45] = 2
    found[25:40, 0:60] = 3
    found[0:3, 0:10] = found[0:3, 50:60] = 4
    found[30:31, 30:33] = 5
    return found


THINGS = {1: True, 2: False, 3: True, 4: False, 5: True}


def write_sample(root, source, stem, label_map, segments, **changes):
    """Adds an image to a folder of label maps."""
    (root / source).mkdir(exist_ok=True)
    height, width = label_map.shape
    cv2.imwrite(str(root / source / f'{stem}.png'), label_map)
    cv2.imwrite(str(root / source / f'{stem}.jpg'), frame(height, width).rgb)
    index = root / 'index.json'
    entries = json.loads(index.read_text()) if index.exists() else []
    entry = {'source': source, 'name': stem, 'width': width, 'height': height}
    index.write_text(json.dumps([*entries, {**entry, 'segments': segments, **changes}]))


def write_coco(root, label_map, crowd=()):
    """Writes a label map in COCO's format: one image, with packed run lengths."""
    annotations = []
    for number in np.unique(label_map[label_map > 0]).tolist():
        packed = rle.encode(label_map == number)
        counts = packed['counts'].decode()
        annotations.append(
            {
                'id': number,
                'image_id': 7,
                'category_id': 1,
                'iscrowd': int(number in crowd),
                'segmentation': {'size': packed['size'], 'counts': counts},
            }
        )
    height, width = label_map.shape
    image = {'id': 7, 'file_name': '7.jpg', 'height': height, 'width': width}
    (root / 'annotations').mkdir()
    (root / 'val2017').mkdir()
    whole = {'images': [image], 'annotations': annotations, 'categories': [{'id': 1}]}
    (root / 'annotations' / 'instances_val2017.json').write_text(json.dumps(whole))
    cv2.imwrite(str(root / 'val2017' / '7.jpg'), frame(height, width).rgb)


class Parrot:
    """Answers the k-th prompt of each call with the k-th of its shapes."""

    def __init__(self, *shapes):
        self.shapes = shapes

    def encode(self, frame):
        """The frame itself."""
        return frame

    def decode(self, encoded, prompts):
        """The first shapes, whatever the prompts are."""
        masks = tuple(rle.mask_of(s, i) for i, s in enumerate(self.shapes[: len(prompts)]))
        return Masks(encoded.key, *encoded.rgb.shape[:2], 'parrot', masks)


def judge(model, sample, kinds=('box', 'point')):
    """The scores of a model on a sample."""
    image = Frame(FrameKey(1, ''), sample.rgb())
    return list(scores(sample, answers(model, image, sample, kinds)))


def write_folder(root):
    """Writes `labels` as a folder of label maps with one image; returns the folder."""
    segments = [{'id': i, 'thing': thing} for i, thing in THINGS.items()]
    write_sample(root, 'here', 'one', labels(), segments)
    return root

"""Camera images in, masks out, through four processes in four domains."""

import itertools

import cv2
import numpy as np
import pytest
from geometry_msgs.msg import Point, PointStamped
from sensor_msgs.msg import CompressedImage, Image

from fakes import frame
from pedsam_ros.core.pictures import any_mask, label_image
from pedsam_ros.core.types import Frame, FrameKey, Prompt
from pedsam_ros.msg import Prompts
from pedsam_ros.ros import convert, qos
from pedsam_ros.srv import Segment
from pedsam_ros.trial.diary import Diary
from rig import image_msg, jpeg_msg, local_pipeline, same

pytestmark = pytest.mark.ros
stamps = itertools.count(1_000_000_007, 1_000_000_011)


@pytest.fixture(scope='module')
def camera(running):
    """The camera of all tests of this module."""
    return running.client.camera()


def test_masks_of_processes_are_those_of_one_process(running, camera):
    """They are equal to the last bit for portrait, landscape, square and odd sizes."""
    local = local_pipeline(running.workers)
    sizes = [(480, 640), (640, 480), (300, 300), (333, 517), (97, 640), (640, 97)]
    for i, (height, width) in enumerate(sizes):
        image = frame(height, width, seed=i, stamp_ns=next(stamps))
        camera.publish(image_msg(image.rgb, image.key.stamp_ns))
        found = convert.masks_from_msg(running.client.masks_for(image.key.stamp_ns))
        assert (found.height, found.width) == (height, width)
        assert same(found, local.segment(image))


def test_the_cameras_header_comes_back(running, camera):
    """Masks have its stamp and frame_id, also when time jumps back as in a bag that loops."""
    for stamp_ns, frame_id in ((9_876_543_210_123, 'left'), (5, 'right'), (0, '')):
        camera.publish(image_msg(frame().rgb, stamp_ns, frame_id))
        masks = running.client.masks_for(stamp_ns)
        assert convert.key_from_header(masks.header) == FrameKey(stamp_ns, frame_id)


@pytest.mark.parametrize(
    ('encoding', 'channels'),
    [
        ('rgb8', 3),
        ('bgr8', 3),
        ('rgba8', 4),
        ('bgra8', 4),
        ('mono8', 1),
        ('mono16', 2),
        ('16UC1', 2),
        ('yuv422', 2),
        ('yuv422_yuy2', 2),
    ],
)
def test_every_encoding_gives_masks(running, camera, encoding, channels):
    """The masks are those of one process that is given the same message."""
    stamp_ns = next(stamps)
    msg = image_msg(frame(96, 128).rgb, stamp_ns)
    data = np.random.default_rng(0).integers(0, 256, 96 * 128 * channels, dtype=np.uint8)
    msg.encoding, msg.step, msg.data = encoding, 128 * channels, data.tobytes()
    camera.publish(msg)
    found = convert.masks_from_msg(running.client.masks_for(stamp_ns))
    assert same(found, local_pipeline(running.workers).segment(convert.frame_from_msg(msg)))


def test_label_image_and_mask_fit_the_masks(running, camera):
    """The pictures hold ids and 0/255 at the camera's size, with its header."""
    labels = running.client.listen(Image, '/edge/label_image')
    binary = running.client.listen(Image, '/edge/mask')
    camera.publish(image_msg(frame(90, 120).rgb, stamp_ns := next(stamps)))
    masks = running.client.masks_for(stamp_ns)
    running.client.until(lambda: labels and binary)
    assert labels[-1].header == binary[-1].header == masks.header
    assert (labels[-1].encoding, binary[-1].encoding) == ('16UC1', 'mono8')
    core = convert.masks_from_msg(masks)
    assert (np.frombuffer(labels[-1].data, np.uint16).reshape(90, 120) == label_image(core)).all()
    assert (
        np.frombuffer(binary[-1].data, np.uint8).reshape(90, 120) == any_mask(label_image(core))
    ).all()


def segment(running, *prompts):
    """The answer of the service to some prompts."""
    request = Segment.Request(prompts=[convert.prompt_to_msg(p) for p in prompts])
    return running.client.call(Segment, '/edge/segment', request)


def windows_received(running):
    """Maps each worker to the number of windows that it was ever sent."""
    counts = {}
    for worker in running.workers:
        diary = Diary(running.diary_file(worker.name))
        diary.look()
        counts[worker.name] = diary.count
    return counts


def test_new_prompts_are_answered_without_encoding_again(running, camera):
    """The service and each topic give the masks that a frame with these prompts gives."""
    image = frame(96, 128, seed=3, stamp_ns=next(stamps))
    camera.publish(image_msg(image.rgb, image.key.stamp_ns))
    running.client.masks_for(image.key.stamp_ns)
    before = windows_received(running)
    assert min(before.values()) > 0
    local = local_pipeline(running.workers, points=(), boxes=(5.0, 6.0, 70.0, 80.0))
    expected = local.segment(image)
    box = Prompt(box=(5.0, 6.0, 70.0, 80.0))
    answer = segment(running, box)
    assert answer.success, answer.message
    assert same(convert.masks_from_msg(answer.masks), expected)

    running.client.masks.clear()
    prompts = running.client.node.create_publisher(Prompts, '/edge/prompts', qos.PROMPTS)
    running.client.until(prompts.get_subscription_count)
    prompts.publish(Prompts(prompts=[convert.prompt_to_msg(box)]))
    assert same(convert.masks_from_msg(running.client.masks_for(image.key.stamp_ns)), expected)

    running.client.masks.clear()
    point = running.client.node.create_publisher(PointStamped, '/edge/point', qos.PROMPTS)
    running.client.until(point.get_subscription_count)
    point.publish(PointStamped(point=Point(x=50.0, y=40.0)))
    clicked = convert.masks_from_msg(running.client.masks_for(image.key.stamp_ns))
    local = local_pipeline(running.workers, points=(50.0, 40.0))
    assert same(clicked, local.segment(image))

    running.client.masks.clear()
    prompts.publish(Prompts())
    back = convert.masks_from_msg(running.client.masks_for(image.key.stamp_ns))
    assert same(back, local_pipeline(running.workers).segment(image))
    assert windows_received(running) == before


def test_bad_prompts_are_answered_with_the_rule(running, camera):
    """The answer names the rule that a prompt breaks; the next good one is answered."""
    camera.publish(image_msg(frame(96, 128).rgb, stamp_ns := next(stamps)))
    running.client.masks_for(stamp_ns)
    outside = segment(running, Prompt(points=((500.0, 5.0, 1),)))
    assert not outside.success
    assert 'point=(500.0, 5.0): outside the image of 128x96 px' in outside.message
    assert 'without a point or a box' in segment(running, Prompt()).message
    assert segment(running, Prompt(points=((5.0, 5.0, 1),))).success


def test_a_bad_prompt_costs_itself_and_one_a_little_outside_nothing(running, camera):
    """Detectors let boxes end a little outside. The answer says which prompts got no mask."""
    camera.publish(image_msg(frame(48, 64).rgb, stamp_ns := next(stamps)))
    running.client.masks_for(stamp_ns)
    nan = Prompt(points=((float('nan'), 4.0, 1),))
    boxes = [Prompt(box=(16.0, 8.0, 48.0, 40.0)), Prompt(box=(40.0, 10.0, 64.4, 40.0))]
    cut = segment(running, *boxes, Prompt(points=((64.0, 48.0, 1),)))
    assert (cut.success, cut.message, len(cut.masks.masks)) == (True, '', 3)
    mixed = segment(running, nan, *boxes)
    assert mixed.success
    assert [mask.prompt for mask in mixed.masks.masks] == [1, 2]
    assert [refusal.prompt for refusal in mixed.refused] == [0]
    assert 'not two finite numbers' in mixed.refused[0].reason
    alone = segment(running, nan)
    assert (alone.success, len(alone.masks.masks), len(alone.refused)) == (False, 0, 1)
    many = segment(running, *[boxes[0]] * 1025)
    assert (many.success, '1025 prompts: at most 1024' in many.message) == (False, True)


def test_bad_images_fail_alone(running, camera):
    """An image of unknown encoding, size or step ends as failed; the one after it is done."""
    failed = int(running.client.figures()['failed'])
    good = image_msg(frame(96, 128).rgb, stamp_ns := next(stamps))
    for change in ({'encoding': 'rainbow'}, {'height': 0, 'data': b''}, {'step': 5}):
        bad = image_msg(frame(96, 128).rgb, next(stamps))
        for field, value in change.items():
            setattr(bad, field, value)
        camera.publish(bad)
    camera.publish(good)
    running.client.masks_for(stamp_ns)
    running.client.until(lambda: int(running.client.figures()['failed']) == failed + 3)
    assert 'step=5' in running.client.figures()['last_loss']
    assert "encoding='rainbow'" in running.log('edge')


def test_real_sequences_give_the_masks_of_one_process(running, camera, sequences):
    """Three frames of each camera sequence that is at hand."""
    local = local_pipeline(running.workers)
    for folder in sorted(path for path in sequences.iterdir() if path.is_dir()):
        for path in sorted(folder.glob('*.jpg'))[:3]:
            rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            image = Frame(FrameKey(next(stamps), 'camera'), rgb)
            camera.publish(image_msg(rgb, image.key.stamp_ns))
            found = convert.masks_from_msg(running.client.masks_for(image.key.stamp_ns))
            assert same(found, local.segment(image)), path


def test_every_frame_ended_once(running, camera):
    """After all tests above, every frame that came in is done or failed."""
    camera.publish(image_msg(frame().rgb, stamp_ns := next(stamps)))
    running.client.masks_for(stamp_ns)
    running.client.until(
        lambda: (
            int(running.client.figures()['frames_in'])
            == sum(int(running.client.figures()[e]) for e in ('done', 'failed'))
        )
    )
    figures = running.client.figures()
    assert (figures['late'], figures['superseded'], figures['in_flight']) == ('0', '0', '0')


def test_compressed_cameras_are_read(rig):
    """With image_transport 'compressed' the edge reads image/compressed."""
    rig.start_edge(every_frame=True, image_transport='compressed')
    rig.start_workers()
    camera = rig.client.camera(kind=CompressedImage)
    _, data = cv2.imencode('.jpg', frame(96, 128).rgb)
    msg = jpeg_msg(data.tobytes(), 77)
    camera.publish(msg)
    found = convert.masks_from_msg(rig.client.masks_for(77))
    assert same(found, local_pipeline(rig.workers).segment(convert.frame_from_msg(msg)))


def test_a_hostile_image_costs_itself_only(rig):
    """A PNG that announces 60000x60000 px, one that is cut, and one of 8192x8192 px in some kB:
    each frame fails, the edge takes no memory for it, and the next is done."""
    rig.start_edge(every_frame=True, image_transport='compressed')
    rig.start_workers()
    camera = rig.client.camera(kind=CompressedImage)
    rig.wait_ready()
    good = cv2.imencode('.png', frame().rgb)[1].tobytes()
    large = cv2.imencode('.png', np.zeros((8192, 8192), np.uint8))[1].tobytes()
    lying = good[:16] + (60000).to_bytes(4, 'big') * 2 + good[24:]
    camera.publish(jpeg_msg(good, 1))
    rig.client.masks_for(1)
    edge = rig.processes['edge']
    before = edge.resident_bytes
    for stamp, data in enumerate((lying, good[: len(good) // 2], large), 2):
        camera.publish(jpeg_msg(data, stamp))
    camera.publish(jpeg_msg(good, 9))
    rig.client.masks_for(9)
    rig.client.until(lambda: rig.client.figures()['failed'] == '3')
    assert edge.resident_bytes - before < 50 * 10**6

"""Messages of detectors become regions of the image that must not leave the edge."""

import math
from types import SimpleNamespace as Fake

import pytest
from sensor_msgs.msg import RegionOfInterest

from pedsam_ros.core.router import EVERYWHERE, add_region
from pedsam_ros.ros import regions

pytestmark = pytest.mark.ros


def detections(x=50.0, y=40.0, theta=0.0, size_x=20.0, size_y=10.0, older=False):
    """Stands in for vision_msgs/Detection2DArray, which not every ROS installation has.

    With `older` it has the form of older versions, without `position`.
    """
    centre = Fake(x=x, y=y, theta=theta) if older else Fake(position=Fake(x=x, y=y), theta=theta)
    return Fake(detections=[Fake(bbox=Fake(center=centre, size_x=size_x, size_y=size_y))])


def test_a_region_of_interest_is_its_rectangle():
    """x, y, width and height become the two corners."""
    msg = RegionOfInterest(x_offset=3, y_offset=5, width=7, height=11)
    assert regions.region_from_msg(msg) == (3.0, 5.0, 10.0, 16.0)


def test_an_empty_region_is_everything():
    """A region without height means the whole image, as in sensor_msgs/CameraInfo."""
    assert regions.region_from_msg(RegionOfInterest(width=7)) == EVERYWHERE


@pytest.mark.parametrize('older', [False, True])
def test_a_detection_is_the_upright_box_around_it(older):
    """This holds for both forms of vision_msgs, and for a turned box."""
    upright = detections(older=older)
    assert regions.regions_from_detections(upright) == [(40.0, 35.0, 60.0, 45.0)]
    (turned,) = regions.regions_from_detections(detections(theta=math.pi / 2, older=older))
    assert turned == pytest.approx((45.0, 30.0, 55.0, 50.0))


@pytest.mark.parametrize('number', ['x', 'theta', 'size_y'])
def test_a_detection_without_a_number_is_everything(number):
    """If a detector sends NaN, the whole image is protected, not too little of it."""
    assert regions.regions_from_detections(detections(**{number: math.nan})) == [EVERYWHERE]


@pytest.mark.parametrize('size', [-20.0, 0.0])
@pytest.mark.parametrize('side', ['size_x', 'size_y'])
def test_a_detection_without_a_size_is_everything(side, size):
    """A negative side would name corners in the wrong order, and protect nothing."""
    assert regions.regions_from_detections(detections(**{side: size})) == [EVERYWHERE]


def test_very_many_detections_are_everything():
    """Reading each would take seconds."""
    one = detections().detections
    assert len(regions.regions_from_detections(Fake(detections=one * 1024))) == 1024
    assert regions.regions_from_detections(Fake(detections=one * 1025)) == [EVERYWHERE]


@pytest.mark.parametrize('region', [(9.0, 0.0, 3.0, 5.0), (0.0, 9.0, 5.0, 3.0)])
def test_a_region_whose_corners_are_in_the_wrong_order_is_everything(region):
    """Whoever named it: it would protect nothing."""
    kept = {}
    add_region(kept, region, 1.0)
    assert kept == {EVERYWHERE: 1.0}


def test_detections_are_listened_to_where_they_are_installed(monkeypatch):
    """Regions of interest are always listened to."""
    monkeypatch.setattr(regions, 'Detection2DArray', None)
    assert [name for _, name, _ in regions.sources()] == ['~/sensitive']
    monkeypatch.setattr(regions, 'Detection2DArray', Fake)
    readers = {name: read for _, name, read in regions.sources()}
    assert readers['~/detections'](detections()) == [(40.0, 35.0, 60.0, 45.0)]
    assert readers['~/sensitive'](RegionOfInterest()) == [EVERYWHERE]

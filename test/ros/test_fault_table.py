"""Every row of docs/reliability.md: how its frame ends, and that nobody sees more because of it.

Here links are function calls: `played_faults.py` plays the rows. Tests that take real processes,
networks and disks are in test/system.
"""

import re
from pathlib import Path

import pytest

import fakes
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from played_faults import PLAYED, Row

pytestmark = pytest.mark.ros
TABLE = Path(__file__).resolve().parents[2] / 'docs' / 'reliability.md'


def is_right(masks):
    """Whether the masks are those that one process makes of a frame of that size."""
    shown = fakes.frame(masks.height, masks.width)
    (wanted,) = LocalPipeline(fakes.edge(), fakes.worker()).segment(shown).masks
    (found,) = masks.masks
    return (found.counts, found.score) == (wanted.counts, wanted.score)


@pytest.mark.parametrize('row', Row)
def test_a_fault_ends_its_frame_as_the_table_says(row):
    """Each frame ends once, with right masks or without masks; each window was seen by nobody but
    its home and the home's spare."""
    played, endings = PLAYED[row]()
    edge = played.edge
    assert dict(edge.endings) == endings
    assert sum(endings.values()) + edge.in_flight == edge.frames_in
    assert len(played.masks) == endings.get('done', 0)
    assert all(map(is_right, played.masks))
    homes, stands_in = edge.ledger.homes, edge.ledger.stands_in
    for name, link in played.links.items():
        assert {homes[window.index] for window in link.ever} <= {stands_in.get(name, name)}


def test_the_table_has_these_rows():
    """A row that nobody plays would be a mere claim."""
    rows = re.findall(r'^\| ([^|]+?) \|.*`test_', TABLE.read_text(), re.MULTILINE)
    assert rows == [row.value for row in Row]

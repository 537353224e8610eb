"""Reads what the sizes and numbers of sealed messages tell, as anyone on the network can."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from pedsam_ros.audit.attack import Findings, History, Needs, Seen
from pedsam_ros.core.types import Pixels

NEEDS = Needs.MESSAGES


def attack(view: Pixels, seen: Seen, history: History) -> Findings:
    """`distinct_sizes`, `bits_per_message` that sizes carry, and `distinct_frames`: how many
    kinds of frames the numbers and sizes of their messages tell apart."""
    sizes = Counter(message.size for message in history.messages)
    by_frame: dict[int, Counter[tuple[str, int]]] = defaultdict(Counter)
    for message in history.messages:
        by_frame[message.frame][message.worker, message.size] += 1
    kinds = {frozenset(each.items()) for each in by_frame.values()}
    return {
        'distinct_sizes': float(len(sizes)),
        'bits_per_message': entropy_bits(sizes),
        'distinct_frames': float(len(kinds)),
    }


def entropy_bits(counts: Counter[int]) -> float:
    """The entropy of a count of values, bits; 0 for one value or none."""
    total = sum(counts.values())
    return sum(n / total * math.log2(total / n) for n in counts.values())

"""The settings of a replay, without ROS: options and tables can be made from them anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.settings import check_fields, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayConfig:
    """How to replay. Raises ConfigError if a value breaks a rule."""

    rate: float = setting(
        1.0, 'how many times as fast as recorded the bag is played', low=0.001, high=1000.0
    )
    loop: bool = setting(
        False, 'play the bag again and again until interrupted; its time jumps back each time'
    )
    clock_hz: float = setting(
        0.0, 'how often bag time is published on /clock (0 means never)', low=0.0, high=1000.0
    )
    reliability: str = setting(
        'reliable', 'QoS reliability of the publishers', choices=('reliable', 'best_effort')
    )
    depth: int = setting(
        10, 'QoS depth: number of messages kept for a slow reader', low=1, high=100000
    )
    topics: tuple[str, ...] | None = setting(
        None, 'publish only these topics; all are published if none is named'
    )
    restamp: bool = setting(
        False, 'replace the stamps in headers by the present time; not possible with --clock'
    )
    wait_s: float = setting(
        0.0, 'longest wait for every topic to have a reader', low=0.0, high=3600.0
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.restamp and self.clock_hz:
            raise ConfigError(f'restamp with clock={self.clock_hz} Hz: stamps follow one clock')

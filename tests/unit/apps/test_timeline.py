"""Time stamps of joined files go on."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from fast_nst.apps.video.timeline import Timeline

UNIT = Fraction(1, 90_000)
DISCONTINUOUS = 0x0200


def packet(kind: str, dts: int, duration: int = 9000, pts: int | None = None) -> Any:
    stream = SimpleNamespace(type=kind, index={"video": 0, "audio": 1, "subtitle": 2}[kind])
    return SimpleNamespace(
        stream=stream, dts=dts, pts=dts if pts is None else pts, duration=duration, time_base=UNIT
    )


def placed(timeline: Timeline, packets: list[Any]) -> list[int]:
    for each in packets:
        timeline.place(each)
    return [each.dts for each in packets]


def begin(flags: int = DISCONTINUOUS, begin_s: Fraction = Fraction(0)) -> Timeline:
    return Timeline(begin_s, flags, Fraction(1, 10))


def test_everything_moves_to_the_beginning() -> None:
    moved = packet("video", 126_000, pts=144_000)
    begin(begin_s=Fraction(14, 10)).place(moved)
    assert (moved.dts, moved.pts) == (0, 18_000)


def test_a_second_part_follows_the_first() -> None:
    times = [*range(0, 90_000, 9000)] * 3
    found = placed(begin(), [packet("video", time) for time in times])
    assert found == [*range(0, 270_000, 9000)]


def test_without_a_duration_the_rate_tells_when_the_next_part_begins() -> None:
    times = [0, 9000, 18_000, 0, 9000]
    found = placed(begin(), [packet("video", time, duration=0) for time in times])
    assert found == [0, 9000, 18_000, 27_000, 36_000]


def test_sound_is_moved_as_the_picture_is() -> None:
    part = [("video", 0, 9000), ("audio", 2000, 16_000), ("video", 9000, 9000)]
    packets = [packet(*each) for each in part * 2]
    assert placed(begin(), packets) == [0, 2000, 9000, 18_000, 20_000, 27_000]


def test_the_picture_keeps_its_rate_though_sound_is_found_first() -> None:
    packets = [packet("audio", 500, 17_000), packet("video", 0), packet("video", 9000)]
    packets += [packet("audio", 500, 17_000), packet("video", 0)]
    assert placed(begin(), packets)[-2:] == [18_500, 18_000]


def test_a_packet_that_is_late_belongs_to_the_part_before() -> None:
    packets = [packet("video", 0), packet("audio", 0, 9000), packet("video", 9000)]
    packets += [packet("video", 0), packet("audio", 9000, 9000), packet("audio", 0, 9000)]
    assert placed(begin(), packets) == [0, 0, 9000, 18_000, 9000, 18_000]


def test_sound_that_is_much_longer_is_waited_for() -> None:
    packets = [packet("video", 0), packet("audio", 0, 90_000), packet("video", 9000)]
    packets += [packet("video", 0), packet("audio", 0, 90_000)]
    assert placed(begin(), packets)[-2:] == [90_000, 90_000]


def test_a_jump_ahead_of_more_than_ten_seconds_is_closed() -> None:
    assert placed(begin(), [packet("video", 0), packet("video", 9_000_000)]) == [0, 9000]
    assert placed(begin(), [packet("video", 0), packet("video", 450_000)]) == [0, 450_000]


def test_elsewhere_only_large_steps_back_are_jumps() -> None:
    ahead = [packet("video", 0), packet("video", 9_000_000)]
    assert placed(begin(flags=0), ahead) == [0, 9_000_000]
    little = [packet("video", 90_000), packet("video", 50_000)]
    assert placed(begin(flags=0), little) == [90_000, 50_000]
    back = [packet("video", 900_000), packet("video", 0)]
    assert placed(begin(flags=0), back) == [900_000, 909_000]


def test_subtitles_go_with_what_is_shown_now() -> None:
    packets = [packet("video", 0), packet("video", 9000), packet("video", 0)]
    packets.append(packet("subtitle", 4500))
    assert placed(begin(), packets)[-1] == 22_500

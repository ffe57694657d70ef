import pytest

from fast_nst.errors import ConfigError
from fast_nst.training.schedule import Schedule, learning_rate_factor


def test_steps_rule_where_they_are_given_and_time_where_they_are_not() -> None:
    now = [100.0]
    by_steps = Schedule(max_steps=10, max_time_s=5, clock=lambda: now[0])
    by_time = Schedule(max_steps=None, max_time_s=50, clock=lambda: now[0])
    now[0] = 120.0
    assert by_steps.fraction(5) == 0.5
    assert by_time.fraction(5) == pytest.approx(0.4)
    now[0] = 1000.0
    assert by_time.fraction(5) == 1


def test_a_resumed_schedule_goes_on_where_it_stopped() -> None:
    now = [0.0]
    schedule = Schedule(max_steps=None, max_time_s=100, clock=lambda: now[0])
    now[0] = 7.0
    schedule.resume(30)
    now[0] = 17.0
    assert schedule.fraction(0) == pytest.approx(0.4)


def test_lengths_must_be_given_and_positive() -> None:
    with pytest.raises(ConfigError, match="both are null"):
        Schedule(None, None)
    with pytest.raises(ConfigError, match="max_steps=0"):
        Schedule(0, None)
    with pytest.raises(ConfigError, match="max_time_s=-1"):
        Schedule(None, -1)


def test_the_learning_rate_rises_to_one_and_falls_to_its_end() -> None:
    factors = [learning_rate_factor(i / 100, warmup=0.1, final=0.2) for i in range(101)]
    assert factors[0] > 0
    assert factors[:11] == sorted(factors[:11])
    assert factors[10] == pytest.approx(1)
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] == pytest.approx(0.2)


def test_a_constant_learning_rate_is_one_all_the_while() -> None:
    assert {learning_rate_factor(i / 10, warmup=0, final=1) for i in range(11)} == {1.0}

"""Jobs overlap, stay in order, and do not pile up in memory."""

from __future__ import annotations

import threading

import pytest

from fast_nst.batch.pipeline import MAX_AHEAD, MAX_PIXELS, Stages, run_stages


def test_every_job_goes_through_all_stages_in_order() -> None:
    worked: list[int] = []
    stored: dict[int, str] = {}
    done: list[int] = []

    def work(job: int, loaded: int) -> str:
        assert threading.current_thread() is threading.main_thread()
        worked.append(job)
        return str(loaded)

    stages = Stages(lambda _: 1, lambda job: job * 10, work, stored.__setitem__)
    run_stages(stages, range(20), lambda number, error: done.append(number))
    assert worked == done == list(range(20))
    assert stored == {job: str(job * 10) for job in range(20)}


def test_loading_and_storing_go_on_while_another_job_is_worked_on() -> None:
    loaded, stored = threading.Event(), threading.Event()

    def load(job: int) -> None:
        if job == 1:
            loaded.set()

    def work(job: int, _: None) -> None:
        if job == 0:
            assert loaded.wait(30), "the second job is not loaded meanwhile"
        if job == 1:
            assert stored.wait(30), "the first job is not stored meanwhile"

    def store(job: int, _: None) -> None:
        if job == 0:
            stored.set()

    errors: list[Exception | None] = []
    run_stages(Stages(lambda _: 1, load, work, store), range(2), lambda _, e: errors.append(e))
    assert errors == [None, None]


@pytest.mark.parametrize("stage", ["load", "work", "store"])
def test_a_failure_in_any_stage_is_that_jobs_alone(stage: str) -> None:
    def at(name: str, job: int) -> int:
        if name == stage and job == 3:
            raise ValueError(name)
        return job

    def store(job: int, _: int) -> None:
        at("store", job)

    found: dict[int, str | None] = {}
    stages = Stages(
        lambda _: 1,
        lambda job: at("load", job),
        lambda job, _: at("work", job),
        store,
    )
    run_stages(stages, range(6), lambda n, e: found.update({n: None if e is None else str(e)}))
    assert found == {0: None, 1: None, 2: None, 3: stage, 4: None, 5: None}


def test_what_on_done_raises_ends_the_run() -> None:
    worked: list[int] = []

    def refuse(number: int, error: Exception | None) -> None:
        raise RuntimeError("enough")

    stages = Stages(
        lambda _: 1, lambda job: job, lambda job, _: worked.append(job), lambda *_: None
    )
    with pytest.raises(RuntimeError, match="enough"):
        run_stages(stages, range(100), refuse)
    assert len(worked) <= MAX_AHEAD + 2


@pytest.mark.parametrize(
    ("size", "most"), [(1, 2 * MAX_AHEAD + 2), (MAX_PIXELS // 2, 2), (MAX_PIXELS * 5, 1)]
)
def test_no_more_is_in_memory_than_fits(size: int, most: int) -> None:
    lock = threading.Lock()
    held = peak = 0

    def load(job: int) -> None:
        nonlocal held, peak
        with lock:
            held += 1
            peak = max(peak, held)

    def store(job: int, _: None) -> None:
        nonlocal held
        with lock:
            held -= 1

    run_stages(Stages(lambda _: size, load, lambda *_: None, store), range(30), lambda *_: None)
    assert held == 0
    assert 1 <= peak <= most


def test_no_jobs_are_no_work() -> None:
    run_stages(Stages(lambda _: 1, id, lambda *_: None, lambda *_: None), [], lambda *_: 1 / 0)

"""Stylize images on all machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fast_nst.apps.cluster.plan import Job, plan_jobs
from fast_nst.apps.cluster.worker import (
    Attempts,
    Filter,
    ImageResult,
    State,
    StylizeWorker,
    Task,
)
from fast_nst.batch import Saving, StylizeFailure, StylizeProgress, StylizeReport
from fast_nst.batch.places import LocalPlace, Place, explained
from fast_nst.batch.plan import Planned, is_done
from fast_nst.batch.run import check_depths
from fast_nst.errors import (
    CheckpointError,
    ClusterError,
    ConfigError,
    ImageError,
    one_line,
    suggest,
)
from fast_nst.filter_metadata import DEFAULTS, Binding
from fast_nst.inference import Controls

NEEDED = "Install Ray support: pip install 'fast-nst[ray]'"
ENGINES = ("auto", "torch", "onnxruntime")  # of workers; for images, compiling does not pay
MAX_ROWS = 16  # images that a worker is handed at once

ClusterReport = StylizeReport[Job, Place]


def stylize_on_cluster(
    checkpoints: Sequence[str | os.PathLike[str]],
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    bindings: Sequence[Binding] = (),
    mix: float | None = None,
    device: str = "auto",
    engine: str = "auto",
    value_range: str | None = None,
    controls: Controls | None = None,
    saving: Saving | None = None,
    suffix: str | None = None,
    resume: bool = False,
    worker_cpus: int = 1,
    on_progress: Callable[[StylizeProgress[Place]], None] | None = None,
) -> ClusterReport:
    """Stylize image files with Ray Data; one that fails is reported, and the others go on.

    An image may be computed more than once, if a worker is lost; its result is one complete
    file, which is not written again once it is there.

    Args:
        checkpoints: one filter file, or two with ``mix``; they are sent to the workers.
        inputs: files, folders and patterns, each a path or a URL of fsspec.
        output: a file or a folder, a path or a URL.
        bindings: styles and knobs of each filter; empty for the defaults of all.
        mix: share of the second filter.
        device: ``cpu``, ``cuda`` for one GPU for each worker, or ``auto`` for that where the
            cluster has GPUs.
        engine: what each worker computes with: ``torch``, ``onnxruntime``, or ``auto`` for ONNX
            Runtime on CPUs where the filter's graph is in the cache of the worker's machine.
        value_range: of ONNX models: see ``Stylizer.load``.
        controls: how the filter is applied.
        saving: how results are written.
        suffix: the ending that results get in a folder.
        resume: skip images whose result is there, whole, and no older than they are.
        worker_cpus: cores, and threads, of each worker; a cluster has one worker for so many.
        on_progress: called as images are finished.

    Raises:
        CheckpointError, ConfigError: If the filter or an option cannot be used.
        ClusterError: If Ray is not installed, there is no such cluster, or workers are unfit.
        ImageError: If inputs and ``output`` do not fit together: see :func:`plan_jobs`.
    """
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise ConfigError(
            f"device is {device!r}; Ray deals out the devices of its machines. "
            "Use auto, cpu or cuda."
        )
    if engine not in ENGINES:
        raise ConfigError(
            f"a cluster's workers cannot use the engine {engine!r}{suggest(engine, ENGINES)}. "
            f"Use {', '.join(ENGINES)}."
        )
    files = tuple(_read_filter(Path(file)) for file in checkpoints)
    packed = Filter(files, mix, engine, value_range, tuple(bindings) or (DEFAULTS,) * len(files))
    packed.load("cpu")  # what is wrong with it is said before a cluster is asked for
    skipped: list[str] = []
    jobs = plan_jobs(inputs, output, suffix, skipped.append)
    check_depths([Planned(job.source, job.target) for job in jobs], saving or Saving())
    answers: dict[int, ImageResult] = {}

    def enter(number: int, answer: ImageResult) -> None:
        if number in answers:  # one that was lost with its machine, and asked for again
            return
        if answer.state is State.UNFIT:
            raise ClusterError(f"a worker cannot work: {answer.text}")
        answers[number] = _keep(jobs[number], answer)
        if on_progress is not None:
            on_progress(StylizeProgress(len(answers), len(jobs), jobs[number].source))

    with _cluster() as ray, _probe(jobs) as probe:
        gpus = int(device == "cuda" or (device == "auto" and _has_gpu(ray)))
        workers = _count_workers(ray, worker_cpus, gpus)
        task = Task(
            filter=packed,
            jobs=jobs,
            controls=controls or Controls(),
            saving=saving or Saving(),
            resume=resume,
            device=("cuda" if gpus else "cpu") if device == "auto" else device,
            threads=worker_cpus,
            gpus=gpus,
            probe=probe,
            attempts=ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(
                Attempts
            ).remote(),
        )
        items = []
        for number, job in enumerate(jobs):
            content, answer = _content(job, resume)
            if answer is None:
                items.append({"number": number, "content": content})
            else:
                enter(number, answer)
        for row in _run(task, items, workers) if items else ():
            answer = ImageResult(State(row["state"]), row["text"], row["content"])
            enter(int(row["number"]), answer)
    report = _report(jobs, answers)
    return replace(report, notes=(*skipped, *report.notes))


def _read_filter(file: Path) -> tuple[str, bytes]:
    try:
        return file.name, file.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read ({error.strerror}).") from error


@contextlib.contextmanager
def _cluster() -> Iterator[Any]:
    """Ray, connected to the cluster that there is, or to one that is started here.

    Raises:
        ClusterError: If Ray is not installed, or the cluster cannot be reached.
    """
    # Ray's own switches, unless the user has set them: no reports about the user's machines to
    # its makers; no lines of its core among the command's; and its later default for GPUs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ClusterError(f"{NEEDED} ({error}).") from error
    for handler in logging.getLogger("ray.data").handlers:
        if handler.name == "console":  # the other writes Ray's log file
            handler.setLevel(logging.ERROR)
    begun = not ray.is_initialized()
    if begun:
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except Exception as error:  # RuntimeError, ValueError, ConnectionError, and those of grpc
            address = os.environ.get("RAY_ADDRESS", "on this machine")
            raise ClusterError(
                f"cannot use the Ray cluster {address}: {one_line(error)} "
                "Check RAY_ADDRESS; without it, a cluster is started here."
            ) from error
    try:
        yield ray
    finally:
        if begun:
            ray.shutdown()


def _has_gpu(ray: Any) -> bool:
    return bool(ray.cluster_resources().get("GPU", 0) >= 1)


def _count_workers(ray: Any, cpus: int, gpus: int) -> int:
    """How many workers the machines have room for.

    Raises:
        ClusterError: If there is room for none.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = 0
    for has in machines:
        fit = has.get("CPU", 0) // cpus
        room += int(min(fit, has.get("GPU", 0) // gpus) if gpus else fit)
    if not room:
        shown = ", ".join(f"{has.get('CPU', 0):g}/{has.get('GPU', 0):g}" for has in machines)
        raise ClusterError(
            f"a worker needs {cpus} cores and {gpus} GPUs of one machine, and the cluster's have "
            f"{shown}. Use a smaller --worker-cpus, or --device cpu."
        )
    return room


@contextlib.contextmanager
def _probe(jobs: Sequence[Job]) -> Iterator[Place | None]:
    """Put a file beside local results, so that workers can see whether that is their disk, too.

    Raises:
        ImageError: If the folder cannot be written to.
    """
    target = jobs[0].target
    if not target.is_local:
        yield None
        return
    folder = os.path.commonpath([os.path.dirname(job.target.path) for job in jobs])
    path = f"{folder}/.{uuid.uuid4().hex}.tmp"
    probe = LocalPlace(path, target.name)
    with explained("write", target):
        os.makedirs(folder, exist_ok=True)
        Path(path).touch()
    try:
        yield probe
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _content(job: Job, resume: bool) -> tuple[bytes | None, ImageResult | None]:
    """Read a source that only this process can see.

    Returns:
        What is sent of the source, and the answer, if it is known already.
    """
    try:
        if (
            resume
            and job.target.is_private
            and job.before
            and is_done(Planned(job.source, job.target))
        ):
            return None, ImageResult(State.SKIPPED)
        return (job.source.read() if job.source.is_private else None), None
    except ImageError as error:
        return None, ImageResult(State.FAILED, str(error))


def _keep(job: Job, answer: ImageResult) -> ImageResult:
    """Write a result to a place that only this process can see."""
    if answer.content is None:
        return answer
    try:
        job.target.write(answer.content, replace=job.before is not None)
    except ImageError as error:
        return ImageResult(State.FAILED, str(error))
    return ImageResult(answer.state, answer.text)


def _run(task: Task, items: list[dict[str, Any]], workers: int) -> Iterator[dict[str, Any]]:
    """Let Ray Data hand out images, and yield the answers as they come."""
    import ray.data
    from ray.exceptions import RayError

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    rows = max(1, min(MAX_ROWS, len(items) // (8 * workers)))
    blocks = math.ceil(len(items) / rows)
    worker: Any = StylizeWorker  # classes are taken, though the annotation names functions only
    answers = ray.data.from_items(items, override_num_blocks=blocks).map(
        worker,
        fn_constructor_args=(task,),
        compute=ray.data.ActorPoolStrategy(
            min_size=1,
            initial_size=min(workers, blocks),
            max_size=blocks,  # clusters may grow
        ),
        num_cpus=task.threads,
        num_gpus=task.gpus or None,
    )
    try:
        yield from answers.iter_rows()
    except RayError as error:
        why = str(error).strip().splitlines() or [type(error).__name__]
        raise ClusterError(
            f"Ray gave up: {why[-1]} The machines need fast-nst of the same version."
        ) from error


def _report(jobs: Sequence[Job], answers: dict[int, ImageResult]) -> ClusterReport:
    written, failures, skipped, notes = [], [], [], []
    for number, job in enumerate(jobs):
        answer = answers[number]
        if answer.state is State.FAILED:
            failures.append(StylizeFailure(job.source, answer.text))
        elif answer.state is State.SKIPPED:
            skipped.append(job)
        else:
            written.append(job)
            notes += [answer.text] if answer.text else []
    return ClusterReport(tuple(written), tuple(failures), tuple(skipped), tuple(notes))

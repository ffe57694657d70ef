"""What every worker process does: load the filter once, then stylize image by image."""

from __future__ import annotations

import dataclasses
import enum
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fast_nst.apps.cluster.plan import Job
from fast_nst.batch import Saving, stylize_bytes
from fast_nst.batch.places import Place
from fast_nst.batch.plan import Planned, is_done
from fast_nst.batch.plan import content as content_of
from fast_nst.errors import FastNSTError, ImageError
from fast_nst.filter_metadata import DEFAULTS, Binding
from fast_nst.image.io import image_format
from fast_nst.inference import Controls, Stylizer
from fast_nst.runtimes.select import Opening

MAX_LOST_WORKERS = 3  # of the worker that has an image; then the image is taken for the reason


class State(enum.StrEnum):
    """What becomes of an image; ``UNFIT`` says that this worker can do none."""

    WRITTEN = "written"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNFIT = "unfit"


@dataclass(frozen=True)
class ImageResult:
    """What became of one image in a worker.

    Attributes:
        state: what became of it.
        text: why, or what is to be noted.
        content: of the result, where only the driver can write it.
    """

    state: State
    text: str = ""
    content: bytes | None = None


class Attempts:
    """Counts how often each image was begun: an actor that all workers share."""

    def __init__(self) -> None:
        self._begun: dict[int, int] = {}

    def begin(self, number: int) -> int:
        """Count one more, and return how many that makes."""
        self._begun[number] = self._begun.get(number, 0) + 1
        return self._begun[number]


@dataclass(frozen=True)
class Filter:
    """Filter files as they are sent to workers, which may not see the user's disk.

    Attributes:
        files: name and content of one file, or of two.
        mix: share of the second.
        engine: what computes: ``auto``, ``torch`` or ``onnxruntime``.
        value_range: the range of an ONNX model that fast_nst did not export.
        bindings: style and knobs of each file.
    """

    files: tuple[tuple[str, bytes], ...]
    mix: float | None = None
    engine: str = "auto"
    value_range: str | None = None
    bindings: tuple[Binding, ...] = (DEFAULTS, DEFAULTS)

    def load(self, device: str, threads: int = 0) -> Stylizer:
        """Load them, as ``Stylizer.load`` does.

        Args:
            device: where to compute.
            threads: of ONNX Runtime; 0 for as many as there are cores. PyTorch's are the process's.

        Raises:
            CheckpointError, ConfigError: As there.
        """
        with tempfile.TemporaryDirectory() as folder:
            stylizers = []
            for number, (name, content) in enumerate(self.files):
                file = Path(folder, str(number), name)
                file.parent.mkdir()
                file.write_bytes(content)
                binding = self.bindings[number]
                opening = Opening(file, device, self.value_range, None, binding, threads)
                stylizers.append(Stylizer.open(opening, self.engine))
        if self.mix is None:
            return stylizers[0]
        return Stylizer.blend(stylizers[0], stylizers[1], self.mix)


@dataclass(frozen=True, eq=False)  # Ray asks for a hash, and masks and actors are in it
class Task:
    """What every worker gets: the filter, the jobs and the options.

    Attributes:
        filter: what to apply.
        jobs: the images; rows name them by their numbers.
        controls: how it is applied.
        saving: how results are written.
        resume: whether to skip images whose result is there.
        device: where each worker computes.
        threads: of each worker, and cores.
        gpus: of each worker.
        probe: a file beside the results that every worker must see; None where results are in a
            file system that machines share by its nature.
        attempts: handle of the :class:`Attempts`.
    """

    filter: Filter
    jobs: tuple[Job, ...]
    controls: Controls
    saving: Saving
    resume: bool
    device: str
    threads: int
    gpus: int
    probe: Place | None
    attempts: Any


class StylizeWorker:
    """One image for each row: what Ray Data keeps in a process of its own."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.unfit = ""
        torch.set_num_threads(task.threads)
        try:
            self.stylizer = task.filter.load(task.device, task.threads)
        except FastNSTError as error:
            self.unfit = f"on {platform.node()}: {error}"
        if task.probe is not None and not Path(task.probe.path).is_file():
            self.unfit = (
                f"{platform.node()} does not see {task.probe.path.rpartition('/')[0]}. "
                "Use a folder that all machines share, or object storage such as s3://."
            )

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Stylize an image.

        Args:
            row: ``number`` of the job; ``content`` of the source where only the driver can read
                it, else None.

        Returns:
            ``number``, and the fields of :class:`ImageResult`.
        """
        number = row["number"]
        job = self.task.jobs[number]
        try:
            if self.unfit:
                answer = ImageResult(State.UNFIT, self.unfit)
            else:
                answer = self._stylize(number, row["content"])
        except FastNSTError as error:
            answer = ImageResult(State.FAILED, str(error))
        except Exception as error:  # a fault of the program must not end a run of many hours
            why = f"cannot stylize {job.source}: {type(error).__name__}: {error}"
            answer = ImageResult(State.FAILED, why)
        return {"number": number, **dataclasses.asdict(answer), "state": answer.state.value}

    def _stylize(self, number: int, content: bytes | None) -> ImageResult:
        import ray

        job = self.task.jobs[number]
        source, target = job.source, job.target
        before = None
        if not target.is_private:
            before = target.stamp()
            if before != job.before:
                # A worker wrote it, and was lost before that was known, or the answer was lost.
                return ImageResult(State.WRITTEN)
            if self.task.resume and before is not None and is_done(Planned(source, target)):
                return ImageResult(State.SKIPPED)
        if ray.get(self.task.attempts.begin.remote(number)) > MAX_LOST_WORKERS:
            # Ray would hand it out for ever.
            raise ImageError(
                f"cannot stylize {source}: its worker was lost {MAX_LOST_WORKERS} times. If it "
                "does not fit in memory, use a larger --worker-cpus, for fewer workers."
            )
        result, note = stylize_bytes(
            self.stylizer,
            content_of(source) if content is None else content,
            image_format(target.name),
            controls=self.task.controls,
            saving=self.task.saving,
            name=source.name,
            target=target.name,
        )
        if target.is_private:
            return ImageResult(State.WRITTEN, note, result)
        if target.stamp() == before:  # another worker may have had the same job meanwhile
            target.write(result, replace=before is not None)
        return ImageResult(State.WRITTEN, note)

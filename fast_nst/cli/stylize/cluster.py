"""Run a request of images on a cluster."""

from __future__ import annotations

from fast_nst.cli.stylize.report import run_files
from fast_nst.cli.stylize.request import Cluster


def run_cluster(request: Cluster) -> bool:
    """Let workers write a file for each image; return whether all are there."""
    from fast_nst.apps.cluster import stylize_on_cluster

    filters = request.filters
    openings = filters.openings()
    return run_files(
        lambda show: stylize_on_cluster(
            [file for file, _ in openings],
            request.inputs,
            request.output,
            bindings=[binding for _, binding in openings],
            mix=filters.mix,
            device=filters.device,
            engine=filters.engine,
            value_range=filters.value_range,
            controls=request.controls,
            saving=request.saving,
            suffix=request.suffix,
            resume=request.resume,
            worker_cpus=request.worker_cpus,
            on_progress=show,
        ),
        request.output,
    )

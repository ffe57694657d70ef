"""``fast-nst stylize --cluster`` on a cluster of two nodes that the tests start."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fast_nst.batch import stylize_files
from fast_nst.cli.main import main
from fast_nst.inference import Stylizer
from fast_nst.runtimes.graph_cache import graph_path

# In a process of its own: Ray leaves sockets and processes to the collector, which warns.
CLUSTER = """
import json, sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
nodes = [cluster.head_node, *cluster.worker_nodes]
raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
print(json.dumps({"address": cluster.address, "raylets": raylets}), flush=True)
sys.stdin.read()
cluster.shutdown()
"""
MEMORY = """
import json, sys
from fast_nst.apps.cluster import stylize_on_cluster
from fast_nst.batch.places import open_place
from fast_nst.batch.remote import open_url
filter_file, photo = sys.argv[1:]
place = open_url("memory://in")
place.system.put(photo, "/in/sub/a.jpg")
place.system.pipe_file("/in/b.jpg", b"")
report = stylize_on_cluster([filter_file], ["memory://in"], "memory://out")
again = stylize_on_cluster([filter_file], ["memory://in"], "memory://out", resume=True)
result = open_place("memory://out/sub/a.jpg").read()
print(json.dumps({
    "written": [job.target.name for job in report.written],
    "failures": [failure.message for failure in report.failures],
    "skipped": [job.target.name for job in again.skipped],
    "magic": result[:2].hex(),
}))
"""
needs_ray = pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="Ray is an extra")


def start(arguments: list[str], **settings: object) -> subprocess.Popen[str]:
    # Tokens and reports have no place in a test; and with Ray's niceness of 15, workers would wait
    # for everything else that a busy machine does.
    quiet = {
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
    }
    environment = os.environ | quiet | settings.pop("env", {})  # type: ignore[operator]
    return subprocess.Popen(
        [sys.executable, *arguments],
        text=True,
        stdout=subprocess.PIPE,
        env=environment,
        **settings,  # type: ignore[call-overload]
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, object]]:
    with start(["-c", CLUSTER], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while lines[-1] and not lines[-1].startswith("{"):  # Ray prints things of its own
            lines.append(process.stdout.readline())
        assert lines[-1], "".join(lines)
        yield json.loads(lines[-1])
        process.communicate("")


def start_command(cluster: dict[str, object], *arguments: str | Path) -> subprocess.Popen[str]:
    return start(
        ["-m", "fast_nst", "stylize", "--cluster", *map(str, arguments)],
        stderr=subprocess.PIPE,
        env={"RAY_ADDRESS": cluster["address"]},
    )


def workers(cluster: dict[str, object]) -> list[int]:
    """The processes that stylize, of this cluster only."""
    raylets = cluster["raylets"]
    assert isinstance(raylets, list)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
        if title.startswith(b"ray::MapWorker") and parent in raylets:
            found.append(int(process.name))
    return found


def identity(file: Path) -> tuple[int, int]:
    """What changes when a file is replaced, even by an equal one."""
    status = file.stat()
    return status.st_ino, status.st_mtime_ns


def make_photos(folder: Path, count: int) -> list[Path]:
    names = [Path("sub" if number % 3 else "", f"{number:02d}.jpg") for number in range(count)]
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        photo = Image.radial_gradient("L").resize((480, 320)).rotate(7 * number)
        Image.merge("RGB", [photo, photo.transpose(0), photo]).save(folder / name)
    return names


@needs_ray
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
def test_a_killed_worker_costs_no_image_and_no_result_is_written_twice(
    cluster: dict[str, object], filter_file: Path, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    names = make_photos(photos, 40)
    (photos / "broken.jpg").write_bytes(b"no image")
    (photos / "empty & ünïcode №1.png").touch()
    (photos / "truncated.jpg").write_bytes((photos / names[3]).read_bytes()[:2000])
    # Of an earlier run: one that is done, one that is older than its source, one that is damaged.
    done, old, damaged = names[:3]
    stylize_files(Stylizer.load(filter_file), [photos / done.parent / done.name], out / done)
    for name in (old, damaged):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes((out / done).read_bytes())
    os.utime(out / old, (0, 0))
    (out / damaged).write_bytes((out / done).read_bytes()[:500])
    before = {name: identity(out / name) for name in (done, old, damaged)}

    process = start_command(
        cluster, "--ckpt", filter_file, photos, "-o", out, "--resume", "--strength", "0.8"
    )
    first_seen: dict[Path, tuple[int, int]] = {}
    killed = None
    while process.poll() is None:
        for name in names:
            if name not in first_seen and (out / name).exists():
                seen = identity(out / name)
                if seen != before.get(name):
                    first_seen[name] = seen
        if killed is None and len(first_seen) >= 2 and (pids := workers(cluster)):
            killed = pids[0]
            os.kill(killed, signal.SIGKILL)
            assert len(first_seen) < len(names) - 5, "the run was over too soon to disturb it"
        time.sleep(0.005)
    shown, errors = process.communicate()

    assert killed is not None, errors
    assert process.returncode == 1, errors
    lines = [line.partition(f"{photos}/")[2] for line in errors.splitlines() if "error: " in line]
    assert [line.partition(" (")[0] for line in sorted(lines)] == [
        "broken.jpg: it is not an image in a known format. Use one of .png, .jpg, .webp, "
        ".avif, .tif, .bmp, .gif, .heic, .jxl, .exr, .dng, or convert it first.",
        "empty & ünïcode №1.png: the file is empty. Download or export it again.",
        "truncated.jpg: the file is damaged or incomplete",
    ]
    assert "3 of 43 images failed." in errors
    assert "wrote 39 images" in shown
    assert "skipped 1 that" in shown
    # Every image once: whole, and the same file as when it was first seen.
    after = {name: identity(out / name) for name in names}
    assert {name: after[name] for name in first_seen} == first_seen
    assert after[done] == before[done]
    assert after[old] != before[old]
    assert after[damaged] != before[damaged]
    left = {file.relative_to(out) for file in out.rglob("*") if file.is_file()}
    assert left == set(names)
    # And what the command does without Ray.
    stylizer = Stylizer.load(filter_file)
    alone = tmp_path / "alone.png"
    for name in (old, damaged, names[-1]):
        with Image.open(photos / name) as photo, Image.open(out / name) as result:
            wanted = stylizer(photo, strength=0.8)
            wanted.save(alone)
            apart = np.abs(np.asarray(result, float) - np.asarray(wanted, float))
        assert apart.mean() < 1.5, name  # what JPEG changes


@needs_ray
def test_files_in_the_memory_of_one_process_are_read_and_written_by_it(
    cluster: dict[str, object], filter_file: Path, tmp_path: Path
) -> None:
    (name,) = make_photos(tmp_path, 1)
    process = start(
        ["-c", MEMORY, str(filter_file), str(tmp_path / name)],
        stderr=subprocess.PIPE,
        env={"RAY_ADDRESS": cluster["address"]},
    )
    shown, errors = process.communicate()
    assert process.returncode == 0, errors
    assert json.loads(shown.splitlines()[-1]) == {
        "written": ["memory://out/sub/a.jpg"],
        "failures": [
            "cannot read memory://in/b.jpg: the file is empty. Download or export it again."
        ],
        "skipped": ["memory://out/sub/a.jpg"],
        "magic": "ffd8",
    }


@needs_ray
def test_workers_compute_with_the_engine_that_is_named(
    cluster: dict[str, object], filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    # The command converts in a cache of its own; the workers have the one that the cluster got.
    workers_graph = graph_path(filter_file)
    workers_graph.unlink(missing_ok=True)
    names = make_photos(tmp_path / "photos", 2)
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "cache"))
    made = []
    for engine in ("torch", "onnxruntime"):
        arguments = ("--ckpt", filter_file, tmp_path / "photos", "-o", tmp_path / engine)
        process = start_command(cluster, *arguments, "--engine", engine, "--format", "png")
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        made.append(workers_graph.exists())
    assert made == [False, True]
    for name in names:
        images = []
        for engine in ("torch", "onnxruntime"):
            with Image.open(tmp_path / engine / name.with_suffix(".png")) as image:
                images.append(np.asarray(image, float))
        assert np.abs(images[0] - images[1]).max() <= 1


@needs_ray
def test_workers_keep_16_bits_and_the_command_says_what_was_skipped(
    cluster: dict[str, object], filter_file: Path, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (40, 60, 3)).astype(np.uint16)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(imagecodecs.png_encode(values))
    (tmp_path / "in" / "notes.txt").touch()
    arguments = ("--ckpt", filter_file, "--strength", "0", tmp_path / "in", "-o", tmp_path / "out/")
    process = start_command(cluster, *arguments)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "note: skipped 1 file: notes.txt" in errors
    result = imagecodecs.png_decode((tmp_path / "out" / "a.png").read_bytes())
    np.testing.assert_array_equal(result, values)


# What is refused, before a cluster is asked for


def refusal(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["stylize", *map(str, arguments)])
    return result.exit_code, result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-", "-o", "out"], "no pipe and no camera"),
        (["camera:0", "-o", "out.mp4"], "no pipe and no camera"),
        (["clip.mp4", "-o", "out"], "clip.mp4 is a video"),
        (["a.gif", "-o", "out.mp4"], "out.mp4 is a video"),
        (["a.jpg", "-o", "b.jpg", "--codec", "h264"], "takes no --codec"),
        (["a.jpg", "-o", "b.jpg", "--frames", "3"], "takes no --frames"),
        (["a.jpg", "--contact-sheet", "b.jpg"], "takes no --contact-sheet"),
        (["a.jpg", "-o", "b.jpg", "--memory", "1GB"], "takes no --memory"),
    ],
)
def test_what_has_no_meaning_on_a_cluster_is_refused_in_one_line(
    filter_file: Path, arguments: list[str], message: str
) -> None:
    code, line = refusal("--cluster", "--ckpt", filter_file, *arguments)
    assert code == 2
    assert message in line


def test_urls_and_worker_cpus_are_for_a_cluster_only(filter_file: Path) -> None:
    code, line = refusal("--ckpt", filter_file, "s3://bucket/a.jpg", "-o", "out")
    assert (code, "s3://bucket/a.jpg is a URL, which needs --cluster" in line) == (2, True)
    code, line = refusal("--ckpt", filter_file, "a.jpg", "-o", "out", "--worker-cpus", "2")
    assert (code, "--worker-cpus is for --cluster" in line) == (2, True)


def test_a_mistyped_engine_is_an_error_that_suggests_the_right_one(filter_file: Path) -> None:
    code, line = refusal("--engine", "trch", "--ckpt", filter_file, "a.jpg", "-o", "out")
    assert code == 1
    assert "no engine 'trch' (did you mean 'torch'?)" in line


def test_ray_is_no_engine_and_the_option_for_it_is_named(filter_file: Path) -> None:
    code, line = refusal("--engine", "ray", "--ckpt", filter_file, "a.jpg", "-o", "out")
    assert code == 2
    assert "ray is no engine: give --cluster" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.jpg", "-o", "out"], "nothing.jpg does not exist"),
        (["PHOTO", "-o", "nosuch://bucket/out"], "nosuch:// is no known file system"),
        (["PHOTO", "-o", "out", "--device", "cuda:1"], "Ray deals out the devices"),
        (["PHOTO", "-o", "out", "--engine", "torch-compiled"], "Use auto, torch, onnxruntime"),
        (["memory://nothing", "-o", "out"], "cannot read memory://nothing: there is no such file"),
    ],
)
def test_places_that_cannot_be_are_errors_of_one_line(
    filter_file: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (name,) = make_photos(tmp_path, 1)
    given = [str(tmp_path / name) if each == "PHOTO" else each for each in arguments]
    code, line = refusal("--cluster", "--ckpt", filter_file, *given)
    assert code == 1
    assert line.startswith("error: ")
    assert message in line


def test_without_ray_the_extra_is_named(filter_file: Path, tmp_path: Path) -> None:
    (name,) = make_photos(tmp_path, 1)
    program = "import sys; sys.modules['ray'] = None; from fast_nst.cli.main import main; main()"
    process = start(
        [
            *("-c", program, "stylize", "--cluster", "--ckpt", str(filter_file)),
            *(str(tmp_path / name), "-o", str(tmp_path / "out" / "a.jpg")),
        ],
        stderr=subprocess.PIPE,
    )
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("error: Install Ray support: pip install 'fast-nst[ray]'")
    assert not (tmp_path / "out").exists()

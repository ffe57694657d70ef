"""The layers of docs/architecture.md, read from the imports."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fast_nst

PACKAGE = Path(fast_nst.__file__).parent
MAX_PARAMETERS, MAX_LINES = 8, 280  # of a function, and of a file, in cli/
EXPORTED = {"__version__", "Stylizer"}  # names of the package itself
LAYERS = [
    {
        *("errors", "atomic", "startup", "paths", "config", "filter_metadata", "style_map"),
        *("image", "lut"),
    },
    {
        *("networks", "encoders", "hardware"),
        *("losses.functional", "losses.strength", "losses.stability"),
        *("losses.base", "losses.look", "losses.terms"),
    },
    {
        "data",
        "losses.perceptual",
        "losses.several",
        "optim",
        "onnx",
        "filters",
        "runtimes",
        "tiling",
        "prediction",
    },
    {"training", "optimize", "inference", "export", "evaluation", "photo"},
    {"batch"},
    {"apps"},
    {"train", "sweep", "cli", "__main__"},
]


def layer_of(module: str) -> tuple[int, str]:
    for level, names in enumerate(LAYERS):
        for name in names:
            if module == name or module.startswith(f"{name}."):
                return level, name
    raise LookupError(f"{module} stands in no layer: put it into one")


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found.add(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name.removeprefix("fast_nst.") for name in found if name.startswith("fast_nst.")}


def modules() -> list[tuple[str, Path]]:
    named = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if parts == ("__init__",) or parts == ("losses", "__init__"):
            continue
        named.append((".".join(p for p in parts if p != "__init__"), file))
    return named


@pytest.mark.parametrize(("module", "file"), modules(), ids=[name for name, _ in modules()])
def test_imports_point_down_and_engines_do_not_know_each_other(module: str, file: Path) -> None:
    level, name = layer_of(module)
    for imported in imports(file):
        if imported in EXPORTED:
            continue
        other_level, other_name = layer_of(imported)
        assert other_level <= level, f"{module} imports {imported}, which lies above it"
        if level == 3 and other_level == 3:
            assert other_name == name, f"{module} imports another engine, {imported}"


def test_rooms_of_the_package_import_each_other_in_no_circle() -> None:
    knows: dict[str, set[str]] = {}
    for module, file in modules():
        rooms = {layer_of(imported)[1] for imported in imports(file) if imported not in EXPORTED}
        knows.setdefault(layer_of(module)[1], set()).update(rooms - {layer_of(module)[1]})
    TopologicalSorter(knows).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    "statement",
    [
        "import fast_nst",
        "import fast_nst.cli.main",
        "from fast_nst.cli.main import main; main(['--help'], standalone_mode=False)",
        "from fast_nst.cli.main import main; main(['stylize', '--help'], standalone_mode=False)",
    ],
)
def test_starting_up_loads_no_heavy_library(statement: str) -> None:
    heavy = (
        *("torch", "pytorch_lightning", "wandb", "torchvision", "datasets", "hydra"),
        *("skimage", "numpy", "PIL", "onnxruntime", "av"),
    )
    program = f"import sys; {statement}; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "module",
    [
        *("errors", "atomic", "startup", "paths", "config", "filter_metadata", "onnx.session"),
        *("runtimes.select", "runtimes.onnx_runtime", "runtimes.graph_cache"),
        *("image.animation", "image.io", "batch", "batch.contact_sheet", "batch.remote"),
        *("batch.enhance", "photo", "inference.image_filter", "apps.video.plan", "lut"),
    ],
)
def test_what_starts_without_torch_imports_none(module: str) -> None:
    program = f"import sys, fast_nst.{module}; print('torch' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "False"


@pytest.mark.parametrize(
    "file", sorted((PACKAGE / "cli").rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE))
)
def test_commands_are_in_small_files_and_hand_on_few_values(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= MAX_LINES, "look whether it is two things"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            takes = node.args
            named = [*takes.posonlyargs, *takes.args, *takes.kwonlyargs, takes.vararg, takes.kwarg]
            count = sum(each is not None for each in named)
            name = getattr(node, "name", "a lambda")
            assert count <= MAX_PARAMETERS, f"{name} takes {count}: make a dataclass of them"

"""Pages point to files that are there, and findings are listed and can be read by Bash."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "findings" / "README.md"]
SCRIPTS = sorted((ROOT / "findings").glob("*.sh"))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    missing = [link for link in targets if not (page.parent / link).exists()]
    assert missing == []


def test_every_finding_is_listed() -> None:
    listed = re.findall(r"\]\((\w+\.sh)\)", (ROOT / "findings" / "README.md").read_text())
    assert sorted(listed) == [script.name for script in SCRIPTS]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no Bash here")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_findings_are_valid_bash_and_python(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)
    (program,) = re.findall(r"<<'PY'\n(.*)^PY$", script.read_text(), re.MULTILINE | re.DOTALL)
    compile(program, str(script), "exec")

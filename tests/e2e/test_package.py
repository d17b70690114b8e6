"""What is published: the wheel's files and metadata, and floors that were tested."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel; without build isolation, so that no network is needed."""
    pytest.importorskip("hatchling", reason="the dev extra brings hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as built:
        yield built


def read(wheel, name):
    (path,) = [path for path in wheel.namelist() if path.endswith(f"dist-info/{name}")]
    return wheel.read(path).decode()


def requirements(wheel):
    """Give what every installation requires, extras left out."""
    metadata = Parser().parsestr(read(wheel, "METADATA"))
    found = map(Requirement, metadata.get_all("Requires-Dist"))
    return [one for one in found if "extra" not in str(one.marker)]


def pins():
    """Give the versions that .ci/run installs to test the floors."""
    lines = (ROOT / ".ci" / "floors.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(str(one.specifier).startswith("==") for one in found)
    return {one.name.lower(): Version(str(one.specifier)[2:]) for one in found}


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    files = {path for path in (ROOT / "pytest_evalmd").rglob("*") if path.is_file()}
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if "__pycache__" not in path.parts
    }
    assert {"pytest_evalmd/py.typed", "pytest_evalmd/logic/prelude.js"} <= expected
    assert expected == {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_entry_points_lead_somewhere(wheel):
    entry_points = ConfigParser()
    entry_points.read_string(read(wheel, "entry_points.txt"))
    assert dict(entry_points["pytest11"]) == {"evalmd": "pytest_evalmd.plugin"}
    for section in entry_points.sections():
        for target in entry_points[section].values():
            assert pkgutil.resolve_name(target)


def test_the_licence_is_in_the_wheel(wheel):
    assert "MIT" in read(wheel, "licenses/LICENSE")


def test_each_floor_is_what_ci_installs(wheel):
    floors = {
        one.name.lower(): Version(spec.version)
        for one in requirements(wheel)
        for spec in one.specifier
        if spec.operator == ">="
    }
    assert len(floors) == len(requirements(wheel))
    tested = pins()
    assert floors == {name: tested.get(name) for name in floors}

"""The plugin in a project that has no case."""

from __future__ import annotations

import json

import pytest

HEAVY = (
    "openai",
    "quickjs",
    "_quickjs",
    "jsonschema",
    "yaml",
    "markdown_it",
    "httpx",
    "asyncio",
    "pytest_evalmd.collect",
    "pytest_evalmd.outcome",
    "pytest_evalmd.item",
    "pytest_evalmd.measuring",
    "pytest_evalmd.logic.sandbox",
)


@pytest.mark.parametrize("args", [["-p", "no:xdist"], ["-n2"]])
def test_no_output_no_files_no_imports(pytester, args):
    pytester.makepyfile("def test_python(): pass")
    pytester.makefile(".md", README="# A project\n\n```python\nprint()\n```")
    pytester.makeconftest(
        """
        import json, os, pathlib, sys

        def pytest_unconfigure(config):
            name = os.environ.get("PYTEST_XDIST_WORKER", "main")
            path = pathlib.Path(os.environ["LOADED"], name)
            path.write_text(json.dumps(sorted(sys.modules)), encoding="utf-8")
        """
    )
    loaded = pytester.mkdir("loaded")
    pytester._monkeypatch.setenv("LOADED", str(loaded))
    pytester._monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    before = files(pytester.path)

    result = pytester.runpytest_subprocess(*args, "-p", "no:cacheprovider", "-v")

    result.assert_outcomes(passed=1)
    processes = sorted(path.name for path in loaded.iterdir())
    assert processes == (["main"] if args[0] == "-p" else ["gw0", "gw1", "main"])
    for name in processes:
        modules = json.loads((loaded / name).read_text(encoding="utf-8"))
        assert "pytest_evalmd.plugin" in modules
        heavy = [one for one in HEAVY if one in modules]
        assert heavy == (["asyncio"] if args[0] == "-n2" and "asyncio" in heavy else [])
    assert files(pytester.path) == before
    body = [line for line in result.outlines if not line.startswith("plugins: ")]
    assert "judge" not in "\n".join(body)
    assert "evalmd" not in "\n".join(body).replace(str(pytester.path), "")


def files(folder):
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    pytesters = ("stdout", "stderr", "loaded")
    return sorted(
        str(path)
        for path in found
        if not path.parts[0].startswith(("runpytest-", *pytesters))
    )

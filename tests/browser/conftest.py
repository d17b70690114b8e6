"""A real browser that opens reports from disk and notes all that goes wrong."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from pytest_evalmd.report.html import write_html

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def browser():
    """Start Chromium; for a module, since its event loop would break others' asyncio."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="pip install -e '.[browser]' brings playwright"
    )
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    # Nothing but our page may be asked for, so the browser's own calls are off.
    quiet = ("background-networking", "component-update", "sync", "quic", "gpu")
    flags = ["--no-sandbox", "--no-first-run", *(f"--disable-{one}" for one in quiet)]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def made_up():
    """The report of which docs/ shows pictures."""
    spec = importlib.util.spec_from_file_location("shots", DOCS / "screenshots.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.made_up_report()


@pytest.fixture
def opened(browser, tmp_path):
    """Open a report; at the end nothing may have been logged or asked for."""
    contexts, wrong, asked = [], [], []

    def open_(report, *, fragment="", forgive=False, **options):
        path = tmp_path / f"report-{len(contexts)}.html"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(write_html(report))
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        if not forgive:
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.goto(path.as_uri() + fragment)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(f"{tmp_path.as_uri()}/")] == []


@pytest.fixture
def page(opened, made_up):
    return opened(made_up)

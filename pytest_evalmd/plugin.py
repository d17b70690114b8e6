"""Hooks, nothing else: the ``pytest11`` entry point.

What runs here runs in every project that has the plugin installed, so all that a case
needs is imported once there is one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_evalmd.declaring import add_options
from pytest_evalmd.files import FOLDER, read_regular
from pytest_evalmd.fixtures import answer_client, case, llm_client, measure_outputs
from pytest_evalmd.ledger import Ledger, WorkerLedger
from pytest_evalmd.options import MEASURING, OPTIONS, read_options
from pytest_evalmd.session import Results, Updates

if TYPE_CHECKING:
    from pytest_evalmd.collect import CaseFile

__all__ = ["answer_client", "case", "llm_client", "measure_outputs"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Validate the options before work starts, and declare the marks."""
    config.stash[OPTIONS] = read_options(config)
    config.addinivalue_line("markers", "ai: a measure that asks a judge model")
    config.addinivalue_line("markers", "programmatic: a measure that runs JavaScript")
    if shard := config.stash[OPTIONS].shard:
        from pytest_evalmd.sharding import Sharding

        config.pluginmanager.register(Sharding(config, shard), "evalmd-shard")
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerLedger(config), "evalmd-ledger")
    else:
        results = Results(config)
        config.pluginmanager.register(results, "evalmd-results")
        config.pluginmanager.register(Ledger(config, results), "evalmd-ledger")
        if config.stash[OPTIONS].update_results:
            config.pluginmanager.register(Updates(), "evalmd-updates")
        if config.stash[OPTIONS].wants_results:
            from pytest_evalmd.recorder import RunRecorder

            recorder = RunRecorder(config, results)
            config.pluginmanager.register(recorder, "evalmd-recorder")
            if config.stash[OPTIONS].reports:
                from pytest_evalmd.publisher import Publisher

                publisher = Publisher(config, recorder)
                config.pluginmanager.register(publisher, "evalmd-publisher")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what measuring started."""
    if measuring := config.stash.get(MEASURING, None):
        measuring.close()


def pytest_ignore_collect(collection_path: Path) -> Literal[True] | None:
    """Pass by the folders of remembered replies, where no tests are."""
    return True if collection_path.name == FOLDER else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseFile | None:
    """Take markdown files that may be cases."""
    if file_path.suffix != ".md":
        return None
    from pytest_evalmd.case.blocks import may_be_case

    try:
        data = read_regular(file_path)
        if not may_be_case(data):
            return None
    except OSError:
        data = None  # collecting it says what is wrong with this file, and only with it
    from pytest_evalmd.collect import CaseFile

    file: CaseFile = CaseFile.from_parent(parent, path=file_path)
    file.wait(data)
    return file


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Measure the answers of each ``--answer-model``; first, so that ids begin so."""
    models = metafunc.config.stash[OPTIONS].answer_models
    if models and MEASURING in metafunc.config.stash:
        from pytest_evalmd.collect import NEW_ANSWER
        from pytest_evalmd.item import ANSWER_MODEL

        if metafunc.function in NEW_ANSWER:
            metafunc.parametrize(ANSWER_MODEL, models)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell or cap what the run would ask, before it asks."""
    if MEASURING in session.config.stash:
        from pytest_evalmd.running import check_plan

        check_plan(session)

"""The fixtures that items use and that a conftest may override."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_evalmd.options import OPTIONS

if TYPE_CHECKING:
    from pytest_evalmd.case.model import Case
    from pytest_evalmd.case.values import Value
    from pytest_evalmd.item import MeasureItem


@pytest.fixture(scope="session")
def llm_client(pytestconfig: pytest.Config) -> Any:  # noqa: ANN401 - see the docstring
    """Give who is asked to judge: by default openai's client from the environment.

    Override it to ask somebody else: return an object with ``async def
    complete(request: Request) -> Reply``, an ``openai.AsyncOpenAI`` or an
    ``openai.OpenAI``.
    """
    from pytest_evalmd.judge.client import OpenAIClient

    return OpenAIClient(deadline_s=pytestconfig.stash[OPTIONS].timeout_s)


@pytest.fixture(scope="session")
def answer_client() -> Any:  # noqa: ANN401 - see the docstring
    """Give who answers with ``--answer-model``; ``None`` is whoever judges, too.

    Override it to ask somebody else: return what ``llm_client`` may return.
    """
    return None


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Give the case whose measure runs."""
    return _item(request).file.case


@pytest.fixture
def measure_outputs(request: pytest.FixtureRequest) -> Mapping[str, Value]:
    """Give the outputs of the case's measures by id, each computed once a session."""
    return _item(request).outputs(request)


def _item(request: pytest.FixtureRequest) -> MeasureItem:
    from pytest_evalmd.item import MeasureItem

    if isinstance(request.node, MeasureItem):
        return request.node
    message = f"the fixture {request.fixturename!r} is for measures of a case file"
    raise pytest.UsageError(message)

"""Case files as pytest sees them: a file is a module, a measure is an item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from types import ModuleType
from typing import Any

import pytest

from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.case.model import Case
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.files import digest
from pytest_evalmd.item import ANSWER_MODEL, MeasureItem, parameters
from pytest_evalmd.running import measuring_of
from pytest_evalmd.session import relative


def measure(request: pytest.FixtureRequest) -> None:
    """Hold a measure's output against its recorded result."""
    request.node.check()


def measure_with_judge(request: pytest.FixtureRequest, llm_client: object) -> None:
    """Hold a measure's output against its recorded result, once for each client."""
    request.node.check()


def measure_new_answer(request: pytest.FixtureRequest, answer_model: str) -> None:
    """Hold a measure of a model's new answer against the recorded result."""
    request.node.check()


def measure_new_answer_with_judge(
    request: pytest.FixtureRequest, answer_model: str, llm_client: object
) -> None:
    """Hold a measure of a model's new answer against the result, for each client."""
    request.node.check()


PLAIN = (measure, measure_with_judge)
NEW_ANSWER = (measure_new_answer, measure_new_answer_with_judge)
TEMPLATES = (*PLAIN, *NEW_ANSWER)
"""The functions that items call: plain ones, for plugins that look at them."""


class CaseFile(pytest.Module):
    """A case file.

    A module, because fixtures of module scope and plugins that group items by module
    need one; the module object stands for the file and holds nothing of a user's.
    """

    case: Case
    digest: str

    def _getobj(self) -> ModuleType:
        module = ModuleType(self.path.stem, f"The case {self.path.name}.")
        module.__file__ = str(self.path)
        vars(module).update({one.__name__: one for one in TEMPLATES})
        return module

    def istestfunction(self, obj: object, name: str) -> bool:
        """Take the functions that stand for measures as tests."""
        return obj in TEMPLATES

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Give an item a measure, inputs first.

        Raises:
            CollectError: all that is wrong with the file.
        """
        shown = relative(self.path, self.config)
        try:
            data = self.path.read_bytes()
            case = parse_case(decode(data))
        except OSError as error:
            raise self.CollectError(f"{shown}: {error.strerror}") from None
        except CaseError as error:
            raise self.CollectError("\n".join(error.lines(shown))) from None
        if case is None:
            return []
        self.case, self.digest = case, digest(data)
        for tag in case.tags:
            self.config.addinivalue_line("markers", f"{tag}: a tag of a case")
            self.add_marker(tag)
        return list(self._items())

    def teardown(self) -> None:
        """Let go of what its measures came to, where that can be had again."""
        super().teardown()
        measuring_of(self.config).release(self.path)

    def _items(self) -> Iterator[MeasureItem]:
        measuring = measuring_of(self.config)
        models, mode = measuring.options.answer_models, measuring.options.mode
        without_judge, with_judge = NEW_ANSWER if models else PLAIN
        plain = self._functions(without_judge)
        judged = [one.id for one in self.case.measures.values() if one.type == "ai"]
        judged = judged if mode in ("auto", "live") else []
        wants_client = judged or (models and mode != "replay")
        asking = self._functions(with_judge) if wants_client else []
        client = (
            asking[0]._fixtureinfo.name2fixturedefs["llm_client"][-1]
            if asking
            else None
        )
        # Only a client with parameters has to be known now. Else it is asked for once
        # a reply is missing, so that a run on remembered replies needs no key.
        by_client = any(len(parameters(one)) > bool(models) for one in asking)
        for model, one in product(models or ("",), self.case.measures.values()):
            needed = {one.id, *(m.id for m in ancestors(self.case.measures, one.id))}
            asks = by_client and bool(model or not needed.isdisjoint(judged))
            for function in asking if asks else plain:
                if parameters(function).get(ANSWER_MODEL, "") == model:
                    item = MeasureItem.of(function, one, measuring)
                    item.client_definition = client
                    yield item

    def _functions(self, template: Any) -> list[pytest.Function]:  # noqa: ANN401
        """Make pytest's own items of a function: one, or one a fixture parameter."""
        found = self.ihook.pytest_pycollect_makeitem(
            collector=self, name=template.__name__, obj=template
        )
        return [item for item in found or () if isinstance(item, pytest.Function)]

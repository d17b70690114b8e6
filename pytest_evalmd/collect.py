"""Case files as pytest sees them: a file is a module, a measure is an item."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.case.model import Case, Measure
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.files import digest, read_regular
from pytest_evalmd.garbage import looking_away
from pytest_evalmd.item import ANSWER_MODEL, MeasureItem, parameters
from pytest_evalmd.running import measuring_of
from pytest_evalmd.session import relative

if TYPE_CHECKING:
    from pluggy import HookRelay


def measure() -> None:
    """Stand for a measure; ``MeasureItem.check`` is what is called."""


def measure_with_judge(llm_client: object) -> None:
    """Stand for a measure, once for each client."""


def measure_new_answer(answer_model: str) -> None:
    """Stand for a measure of a model's new answer."""


def measure_new_answer_with_judge(answer_model: str, llm_client: object) -> None:
    """Stand for a measure of a model's new answer, once for each client."""


PLAIN = (measure, measure_with_judge)
NEW_ANSWER = (measure_new_answer, measure_new_answer_with_judge)
TEMPLATES = (*PLAIN, *NEW_ANSWER)
"""Functions for the fixtures that items take, and for plugins that look at them."""
_AT_ONCE = 32
_FOLDERS: pytest.StashKey[dict[Path, _Folder]] = pytest.StashKey()


class _Folder:
    """What case files of one folder and one collector share.

    Some are parsed at once: what parsing leaves behind would lie between items, and
    scattered items make each full collection of garbage twice as long.
    """

    def __init__(self) -> None:
        self.waiting: deque[weakref.ref[CaseFile]] = deque()
        """Those that are not parsed, in the order in which they are collected."""
        self.functions: dict[Any, list[pytest.Function]] = {}
        """By template, what pytest made of it for every case."""
        self.hooks: HookRelay
        self.conftests = -1
        """How many conftest.py files there were when the hooks were looked up."""
        self._parsed = 0

    def next_ones(self, file: CaseFile) -> list[CaseFile]:
        """Give those after a file that is parsed, no more than were parsed before."""
        while self.waiting and self.waiting.popleft()() is not file:
            pass
        count = min(self._parsed, _AT_ONCE, len(self.waiting))
        after = [self.waiting.popleft()() for _ in range(count)]
        self._parsed += 1 + count
        return [one for one in after if one is not None]


class CaseFile(pytest.Module):
    """A case file.

    A module, because fixtures of module scope and plugins that group items by module
    need one; the module object stands for the file and holds nothing of a user's.
    """

    digest: str
    open_items: int
    """How many of its items have not run yet."""
    _data: bytes | None = None
    _parsed = False
    _problem: str | None
    """All that is wrong with it."""
    _text: str
    _case: Case | None
    """Let go of once all items have run: many small objects slow down Python's garbage
    collector."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - pytest's
        super().__init__(*args, **options)
        assert self.parent is not None
        folders = self.parent.stash.setdefault(_FOLDERS, {})
        self._folder = folders.setdefault(self.path.parent, _Folder())

    @property
    def ihook(self) -> HookRelay:
        """The hooks of its folder, looked up anew once a conftest.py came."""
        conftests = len(self.config.pluginmanager._conftest_plugins)
        if self._folder.conftests != conftests:
            self._folder.hooks, self._folder.conftests = super().ihook, conftests
        return self._folder.hooks

    @property
    def case(self) -> Case:
        """The case, made of its text anew if an item runs again."""
        if self._case is None:
            self._case = parse_case(self._text)
            assert self._case is not None
        return self._case

    @property
    def _shown(self) -> str:
        return relative(self.path, self.config)

    def _getobj(self) -> ModuleType:
        module = ModuleType(self.path.stem, f"The case {self.path.name}.")
        module.__file__ = str(self.path)
        vars(module).update({one.__name__: one for one in TEMPLATES})
        return module

    def istestfunction(self, obj: object, name: str) -> bool:
        """Take the functions that stand for measures as tests."""
        return obj in TEMPLATES

    def wait(self, data: bytes | None) -> None:
        """Be parsed when it is collected, or with one of its folder before it.

        Args:
            data: what it holds, as it was found; ``None`` if it could not be read.
        """
        self._data = data
        self._folder.waiting.append(weakref.ref(self))

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Give an item a measure, inputs first.

        Raises:
            CollectError: all that is wrong with the file.
        """
        if not self._parsed:
            with looking_away():
                self._parse()
                for file in self._folder.next_ones(self):
                    with suppress(Exception):  # it comes again with the file's own turn
                        file._parse()
        self._parsed = False
        if self._problem is not None:
            raise self.CollectError(self._problem)
        case = self._case
        if case is None:
            return []
        for tag in case.tags:
            self.config.addinivalue_line("markers", f"{tag}: a tag of a case")
            self.add_marker(tag)
        items = list(self._items(case))
        self.open_items = len(items)
        return items

    def _parse(self) -> None:
        data, self._data = self._data, None
        self._problem = self._case = None
        try:
            data = data or read_regular(self.path)
            self._text, self.digest = decode(data), digest(data)
            self._case = parse_case(self._text)
        except OSError as error:
            self._problem = f"{self._shown}: {error.strerror}"
        except CaseError as error:
            self._problem = "\n".join(error.lines(self._shown))
        self._parsed = True

    def teardown(self) -> None:
        """Let go of the case and its outputs, where they can be had again."""
        super().teardown()
        measuring_of(self.config).release(self.path)
        if not self.open_items:
            self._case = None

    def _items(self, case: Case) -> Iterator[MeasureItem]:
        measuring = measuring_of(self.config)
        models, mode = measuring.options.answer_models, measuring.options.mode
        without_judge, with_judge = NEW_ANSWER if models else PLAIN
        plain = self._functions(without_judge)
        judged = [one.id for one in case.measures.values() if one.type == "ai"]
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
        for model, one in product(models or ("",), case.measures.values()):
            asks = by_client and bool(model or _needs(judged, one, case))
            for function in asking if asks else plain:
                if parameters(function).get(ANSWER_MODEL, "") == model:
                    item = MeasureItem.of(self, function, one, measuring)
                    item.client_definition = client
                    yield item

    def _functions(self, template: Any) -> list[pytest.Function]:  # noqa: ANN401
        """Make pytest's own items of a function: one, or one a fixture parameter."""
        shared = self._folder.functions
        alike = all(mark.name != "usefixtures" for mark in self.own_markers)
        if alike and template in shared:
            return shared[template]
        found = self.ihook.pytest_pycollect_makeitem(
            collector=self, name=template.__name__, obj=template
        )
        functions = [item for item in found or () if isinstance(item, pytest.Function)]
        if alike and _are_pytests(self.ihook) and not any(map(parameters, functions)):
            shared[template] = functions
        return functions


def _needs(some: list[str], one: Measure, case: Case) -> bool:
    """Tell whether a measure is one of some, or needs one."""
    above = ancestors(case.measures, one.id)
    return any(measure.id in some for measure in (one, *above))


def _are_pytests(ihook: Any) -> bool:  # noqa: ANN401
    """Tell whether pytest alone makes items, for all cases of a folder the same.

    Fixtures are a folder's; marks, parameters and hooks of others may be a file's.
    """
    hooks = (ihook.pytest_generate_tests, ihook.pytest_pycollect_makeitem)
    plugins = [impl.plugin for hook in hooks for impl in hook.get_hookimpls()]
    names = [getattr(one, "__name__", type(one).__module__) for one in plugins]
    # anyio comes with openai, and looks at coroutine functions only.
    return all(
        name.startswith(("_pytest.", "pytest_evalmd.", "anyio.")) for name in names
    )

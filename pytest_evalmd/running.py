"""What a process shares while it runs measures, and what it will be asked for next."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_evalmd.job import Job
from pytest_evalmd.judge.judging import Judging
from pytest_evalmd.judge.model import JudgeError
from pytest_evalmd.judge.scheduler import Slots
from pytest_evalmd.ledger import Ledger
from pytest_evalmd.logic.sandbox import Limits, Sandbox
from pytest_evalmd.measuring import Measuring
from pytest_evalmd.options import MEASURING, OPTIONS, Options
from pytest_evalmd.plan import plan_of
from pytest_evalmd.progress import Progress

if TYPE_CHECKING:
    from pytest_evalmd.item import MeasureItem

WALL_PER_CPU = 5
"""How many seconds on the clock JavaScript may take for each second of CPU."""


def measuring_of(config: pytest.Config) -> Measuring:
    """Give what this process measures with, made when a case is collected."""
    if MEASURING not in config.stash:
        options = config.stash[OPTIONS]
        measuring = Measuring(options, _judging(options, config), _sandbox(options))
        progress = Progress(config, measuring)
        measuring.on_wait, measuring.on_done = progress.show, progress.clear
        measuring.on_drain = progress.say_waiting
        config.stash[MEASURING] = measuring
        from pytest_evalmd import garbage, reporting  # which import this module

        config.pluginmanager.register(reporting, "evalmd-reporting")
        config.pluginmanager.register(garbage, "evalmd-garbage")
    return config.stash[MEASURING]


def check_plan(session: pytest.Session) -> None:
    """Tell, with ``--collect-only``, what the run would ask; refuse if it is too much.

    Raises:
        pytest.UsageError: it is more than the caps allow.
    """
    config = session.config
    options, measuring = config.stash[OPTIONS], config.stash[MEASURING]
    capped = options.max_requests is not None or options.max_tokens is not None
    if options.mode not in ("auto", "live") or not (
        capped or config.option.collectonly
    ):
        return
    try:
        plan = plan_of(_jobs(session.items), measuring.computing)
    except JudgeError as error:
        _refuse(str(error), measuring, config)
        return
    ledger = config.pluginmanager.get_plugin("evalmd-ledger")
    if config.option.collectonly and isinstance(ledger, Ledger):
        ledger.plan = plan.line() if plan.requests or plan.remembered else None
    if too_much := plan.over(options.max_requests, options.max_tokens):
        _refuse(too_much, measuring, config)
    # What the plan leaves is for votes; each worker gets its share of it.
    judging, workers = measuring.judging, _workers(config)
    if options.max_requests is not None:
        judging.spare_requests = (options.max_requests - plan.requests) // workers
    if options.max_tokens is not None:
        judging.spare_tokens = (options.max_tokens - plan.tokens) // workers


def _workers(config: pytest.Config) -> int:
    worker: dict[str, Any] = getattr(config, "workerinput", {"workercount": 1})
    return int(worker["workercount"])


def _refuse(why: str, measuring: Measuring, config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        raise pytest.UsageError(why)
    measuring.judging.refusal = why  # a worker can't end the run


def _jobs(items: Iterable[pytest.Item]) -> Iterator[Job]:
    from pytest_evalmd.item import MeasureItem

    for item in items:
        if isinstance(item, MeasureItem) and _will_run(item):
            yield item.job


def upcoming(item: MeasureItem) -> Iterator[Job]:
    """Give what will be wanted of an item's client after it, in that order."""
    seat = _client_seat(item)
    for other in _items_after(item):
        if (
            isinstance(other, type(item))
            and _client_seat(other) == seat
            and other.measure.type == "ai"
            and _will_run(other)
        ):
            yield other.job


def _client_seat(item: MeasureItem) -> tuple[int, str, str]:
    """Tell the instances of ``llm_client`` apart before they are made."""
    scope = item.client_definition.scope if item.client_definition else "function"
    node: pytest.Item | pytest.Collector = item
    if scope == "module":
        node = item.file
    elif scope in ("package", "session"):
        package = item.getparent(pytest.Package) if scope == "package" else None
        node = package or item.session
    return id(item.client_definition), node.nodeid, item.alias


def upcoming_answers(item: MeasureItem) -> Iterator[Job]:
    """Give whose answers will be wanted after an item's, in that order, each once."""
    seen = {item.job.answer_key}
    for other in _items_after(item):
        if isinstance(other, type(item)) and other.answer_model and _will_run(other):
            job = other.job
            if job.answer_key not in seen:
                yield job
            seen.add(job.answer_key)


def _will_run(item: MeasureItem) -> bool:
    """Tell whether an item will run, as far as that is known without running it."""
    if item.why_not() is not None:
        return False
    return not (_skips(item.own_markers) or _is_skipped(item.file))


@functools.lru_cache(maxsize=1)  # items come file by file
def _is_skipped(node: pytest.Collector) -> bool:
    return _skips(node.iter_markers())


def _skips(marks: Iterable[pytest.Mark]) -> bool:
    return any(
        mark.name in ("skip", "skipif")
        or (mark.name == "xfail" and mark.kwargs.get("run") is False)
        for mark in marks
    )


def _judging(options: Options, config: pytest.Config) -> Judging:
    worker = getattr(config, "workerinput", {})
    return Judging(
        mode="auto" if options.mode == "off" else options.mode,
        run=worker.get("testrunuid") or uuid.uuid4().hex,
        parameters=options.judge_parameters,
        timeout_s=options.timeout_s,
        slots=Slots(options.concurrency),
    )


def _sandbox(options: Options) -> Sandbox:
    return Sandbox(
        Limits(
            cpu_s=options.logic_timeout_s,
            wall_s=options.logic_timeout_s * WALL_PER_CPU,
            memory_bytes=options.logic_memory_mib * 2**20,
            stack_bytes=options.logic_stack_kib * 2**10,
        )
    )


def _items_after(item: MeasureItem) -> Iterable[pytest.Item]:
    items = item.session.items
    queue = _worker_queue(item.config)
    if queue is not None:
        return [items[index] for index in queue]
    if hasattr(item.config, "workerinput"):
        return []
    return items[items.index(item) + 1 :]


def _worker_queue(config: pytest.Config) -> list[int] | None:
    """Give what an xdist worker was sent to run; ``None`` where that can't be told.

    Looks into xdist, whose hooks tell a worker only its next item: with one request in
    flight a run takes five times as long (docs/architecture.md).
    """
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":
            return _queued(plugin)
    return None


def _queued(worker: Any) -> list[int] | None:  # noqa: ANN401 - xdist's, if it is there
    try:
        with worker.torun.lock() as queue:
            found = [worker.nextitem_index, *queue]
    except (AttributeError, TypeError):  # another xdist
        return None
    return [index for index in found if isinstance(index, int)]

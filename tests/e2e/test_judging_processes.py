"""Several processes on the same cases: xdist's workers, and runs of pytest."""

from __future__ import annotations

import pytest
from mock_server import MockServer
from projects import ai, asked, logic

DISTRIBUTIONS = [
    "load",
    pytest.param("loadfile", marks=pytest.mark.slow),
    "worksteal",
]


@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_workers_ask_each_request_once(project, dist):
    project.write_many(50)
    with MockServer(latency_s=0.05) as server:
        run = project.run(server, "-q", "-n2", f"--dist={dist}")

    assert run.summary == {"passed": 50}
    assert len(asked(server)) == len(server.requests) == 50
    assert server.max_in_flight <= 8  # the default concurrency is divided among them
    assert set(project.recorded().values()) == {1}
    assert len(project.recorded()) == 50
    assert run.line("judge: ").startswith("judge: 50 asked, 0 remembered")
    assert project.leftovers() == []


@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_workers_ask_once_for_what_several_need(project, dist):
    for c in range(12):
        inputs = {"input": f"a{c}"}
        project.write(
            f"case{c}",
            ai(f"a{c}"),
            *(logic(f"p{c}_{n}", "return input;", **inputs) for n in range(3)),
            ai(f"b{c}", **inputs),
        )
    with MockServer(latency_s=0.05) as server:
        run = project.run(server, "-q", "-n2", f"--dist={dist}")

    assert run.summary == {"passed": 60}
    assert len(asked(server)) == len(server.requests) == 24
    assert len(project.recorded()) == 24


@pytest.mark.fault(
    "two runs at once ask the same",
    sees=("passed",),
    keeps="every reply, once; each request is asked once",
)
def test_two_runs_at_once_ask_each_request_once(project):
    project.write_many(25, measures=2)
    cases = project.cases()
    with MockServer(latency_s=0.05) as server:
        running = [project.start(server, "-q") for _ in range(2)]
        runs = [one.wait() for one in running]

    assert [run.summary for run in runs] == [{"passed": 50}] * 2
    assert len(asked(server)) == len(server.requests) == 50
    assert len(project.recorded()) == 50
    assert project.leftovers() == []
    assert project.cases() == cases


def test_a_second_run_that_comes_late_asks_for_nothing_again(project):
    """It looked when nothing was remembered, and waits while the first one folds."""
    project.write_many(8)
    slow = "import time\ndef pytest_runtest_setup(item):\n    time.sleep({})\n"
    with MockServer(latency_s=0.5) as server:
        project.conftest(slow.format(0))
        first = project.start(server, "-q", "--evalmd-concurrency=8")
        while not server.requests:
            pass
        project.conftest(slow.format(0.2))
        second = project.start(server, "-q", "--evalmd-concurrency=1")
        runs = [first.wait(), second.wait()]

    assert [run.summary for run in runs] == [{"passed": 8}] * 2
    assert len(asked(server)) == len(server.requests) == 8


@pytest.mark.slow
def test_four_runs_and_workers_at_once(project):
    project.write_many(50, measures=4)
    with MockServer(latency_s=0.02) as server:
        running = [
            project.start(server, "-q", *args)
            for args in ((), ("-n2",), ("-n3", "--dist=worksteal"), ())
        ]
        runs = [one.wait() for one in running]

    assert [run.summary for run in runs] == [{"passed": 200}] * 4
    assert len(asked(server)) == len(server.requests) == 200
    assert len(project.recorded()) == 200
    assert project.leftovers() == []

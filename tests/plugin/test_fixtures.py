"""Fixtures: ``llm_client`` in every scope and folder, ``case``, ``measure_outputs``."""

from __future__ import annotations

import pytest
from measures import ai, logic

CHAIN = (
    ai("tone")
    + logic("size", "return input.length;", input="tone")
    + logic("twice", "return 2 * input;", input="size")
)
RESULTS = {"tone": "calm", "size": "4", "twice": "8"}

CLIENT = '''
import pytest
from pytest_evalmd import Reply

class Judge:
    """Replies with what it was made with, and says when it is asked."""
    def __init__(self, reply):
        self.reply = reply

    async def complete(self, request):
        print("ASKED", self.reply, flush=True)
        return Reply(text='{"reason": "so", "response": "%s"}' % self.reply)
'''


@pytest.fixture
def client(pytester):
    """Write a conftest with a client; give how often a run asked it."""

    def install(text, folder="."):
        path = pytester.path / folder / "conftest.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CLIENT + text, encoding="utf-8")

    return install


def asked(result):
    return [line.split()[-1] for line in result.outlines if "ASKED" in line]


def test_a_folder_has_its_own_client(run_here, client, write_case):
    fixture = """
@pytest.fixture(scope="session")
def llm_client():
    return Judge("{}")
"""
    client(fixture.format("calm"))
    client(fixture.format("angry"), "other")
    write_case(CHAIN, RESULTS, name="one/case.md")
    write_case(CHAIN, RESULTS | {"tone": "angry", "size": "5"}, name="other/case.md")
    write_case(CHAIN, RESULTS, name="z/case.md")

    result = run_here("-s", "--evalmd-confirm=1")

    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines(["FAILED other/case.md::twice - 10 differs*8"])
    # The first and the last have the same to ask, of the same client.
    assert sorted(asked(result)) == ["angry", "calm"]


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
def test_every_scope(run_here, client, write_case, scope):
    client(f"""
@pytest.fixture(scope="{scope}")
def llm_client():
    yield Judge("calm")
    print("CLOSED")
""")
    write_case(CHAIN, RESULTS)

    result = run_here("-s")

    result.assert_outcomes(passed=3)
    assert "CLOSED" in result.stdout.str()
    if scope not in ("function", "class"):  # those are another client for each item
        assert asked(result) == ["calm"]


def test_an_input_is_asked_for_once_though_not_selected(run_here, client, write_case):
    client("""
@pytest.fixture(scope="session")
def llm_client():
    return Judge("calm")
""")
    write_case(CHAIN, RESULTS)

    result = run_here("-s", "case.md::twice", "case.md::size")

    result.assert_outcomes(passed=2)
    assert asked(result) == ["calm"]


def test_a_client_with_parameters(run_here, client, write_case):
    client("""
@pytest.fixture(scope="session", params=["calm", "angry"])
def llm_client(request):
    return Judge(request.param)
""")
    write_case(CHAIN + logic("plain", "return 1;"), RESULTS | {"plain": "1"})

    result = run_here("-s", "-v", "--evalmd-confirm=1")

    result.assert_outcomes(passed=4, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "*case.md::tone[[]calm]*",
            "*case.md::twice[[]angry]*",
            "*case.md::plain PASS*",
        ]
    )
    result.stdout.fnmatch_lines(["to accept it: pytest 'case.md::tone[[]angry]'*"])
    assert sorted(asked(result)) == ["angry", "calm"]
    run_here("case.md::tone").assert_outcomes(passed=1, failed=1)


def test_fixtures_of_a_user_see_the_case_and_its_outputs(
    run_here, pytester, client, write_case
):
    client("""
@pytest.fixture(scope="session")
def llm_client():
    return Judge("calm")

@pytest.fixture(autouse=True)
def look(request, case, measure_outputs):
    print("SEEN", case.tags, list(measure_outputs), measure_outputs["tone"])
    assert request.node.measure.id in measure_outputs
    with pytest.raises(KeyError):
        measure_outputs["nope"]
    yield
    print("AFTER", request.node.name)

@pytest.fixture
def by_ini():
    print("BY INI")
""")
    pytester.makeini("[pytest]\nusefixtures = by_ini\n")
    write_case(CHAIN, RESULTS, front="tags: [skin]")

    result = run_here("-s")

    result.assert_outcomes(passed=3)
    said = result.stdout.str()
    assert said.count("BY INI") == said.count("AFTER") == 3
    assert "SEEN ('skin',) ['tone', 'size', 'twice'] calm" in said
    assert asked(result) == ["calm"]


def test_nobody_changes_what_is_measured(run_here, pytester, write_case):
    pytester.makeconftest("""
import pytest

@pytest.fixture(autouse=True)
def change(case):
    case.measures["one"].logic = "return 2;"
""")
    write_case(logic("one", "return 1;"), {"one": "2"})
    result = run_here()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*FrozenInstanceError*'logic'"])


def test_a_fixture_of_a_user_meets_an_output_that_is_an_error(
    run_here, client, write_case
):
    client("""
@pytest.fixture(autouse=True)
def look(measure_outputs):
    measure_outputs["broken"]
""")
    write_case(logic("one", "return 1;") + logic("broken", "throw Error('no')"))

    result = run_here("case.md::one")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["ERROR case.md::one - *Error: no"])
    assert "pytest_evalmd" not in result.stdout.str().partition("ERRORS")[2]


def test_fixtures_for_measures_used_by_a_python_test(run_here, pytester):
    pytester.makepyfile("def test_python(case): pass")

    result = run_here()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the fixture 'case' is for measures of a case file"])


def test_a_client_that_skips_or_raises(run_here, client, write_case):
    client("""
@pytest.fixture(scope="session")
def llm_client():
    pytest.skip("no model here")
""")
    client(
        """
@pytest.fixture(scope="session")
def llm_client():
    raise ValueError("bad key")
""",
        "raises",
    )
    measures = ai("tone") + logic("plain", "return 1;")
    write_case(measures, {"tone": "x", "plain": "1"})
    write_case(measures, {"tone": "x", "plain": "1"}, name="raises/case.md")

    result = run_here("-rsE")

    result.assert_outcomes(passed=2, skipped=1, errors=1)
    result.stdout.fnmatch_lines(["SKIPPED*no model here"])
    result.stdout.fnmatch_lines(["ERROR raises/case.md::tone - ValueError: bad key"])
    for ours in ("pytest_evalmd", "measuring", "NeedsJudge"):
        assert ours not in result.stdout.str().partition("ERRORS")[2]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("async def llm_client():\n    yield Judge('calm')", "*async fixture*"),
        ("def llm_client():\n    return 'gpt'", "*llm_client is a str; expected an*"),
        ("def llm_client():\n    pass", "*llm_client is a NoneType; expected an*"),
    ],
)
def test_what_is_no_client_is_said(pytester, client, write_case, body, said):
    client(f"\n@pytest.fixture\n{body}\n")
    write_case(ai("tone"), {"tone": "calm"})

    result = pytester.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


def test_clients_of_openai_by_their_shape(run_here, client, write_case):
    client("""
from types import SimpleNamespace as Any

class Completions:
    def create(self, **arguments):
        print("ASKED", arguments["model"])
        message = Any(content='{"reason": "so", "response": "calm"}', refusal=None)
        choice = Any(message=message, finish_reason="stop")
        return Any(choices=[choice], model="m", usage=None)

@pytest.fixture(scope="session")
def llm_client():
    return Any(chat=Any(completions=Completions()))
""")
    write_case(CHAIN, RESULTS)

    result = run_here("-s", "--judge-model=stub-1")

    result.assert_outcomes(passed=3)
    assert asked(result) == ["stub-1"]


def test_programmatic_measures_make_no_client(run_here, client, write_case):
    client("""
@pytest.fixture(scope="session")
def llm_client():
    print("MADE")
""")
    write_case(logic("plain", "return 1;") + ai("tone"), {"plain": "1"})

    result = run_here("-s", "case.md::plain")

    result.assert_outcomes(passed=1)
    assert "MADE" not in result.stdout.str()


@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only", "--collect-only"])
def test_nothing_is_asked_where_nothing_is_run(run_here, client, write_case, option):
    client("""
@pytest.fixture(scope="session")
def llm_client():
    return Judge("calm")
""")
    write_case(CHAIN, RESULTS)
    write_case(CHAIN, RESULTS, name="later.md", answer="")

    result = run_here("-s", option)

    assert result.ret == 0
    assert asked(result) == []


def test_a_rerun_asks_again(pytester, client, write_case):
    pytest.importorskip("pytest_rerunfailures")
    client("""
@pytest.fixture(scope="session")
def llm_client():
    judge = Judge("angry")
    complete = judge.complete
    async def once(request):
        reply = await complete(request)
        judge.reply = "calm"
        return reply
    judge.complete = once
    return judge
""")
    write_case(ai("tone"), {"tone": "calm"})

    result = pytester.runpytest_inprocess("-s", "--reruns=2", "--evalmd-confirm=1")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*1 passed, 1 rerun*"])
    assert asked(result) == ["angry", "calm"]


def test_a_case_is_let_go_of_and_runs_again(pytester, write_case):
    """Its file may be gone by then: the text is what was collected."""
    pytest.importorskip("pytest_rerunfailures")
    pytester.makeconftest("""
import pathlib, pytest

@pytest.fixture
def once(case, tmp_path_factory):
    flag = tmp_path_factory.getbasetemp() / "flag"
    if not flag.exists():
        assert case.measures.keys() == {"one", "two"}
        flag.write_text(case.query.text)
        pathlib.Path("b.md").unlink()
        pytest.fail("the first time")
    assert flag.read_text() == case.query.text

def pytest_collection_modifyitems(items):
    items[-1].fixturenames.append("once")

def pytest_sessionfinish(session):
    assert [item.file._case for item in session.items] == [None] * 3
""")
    write_case(logic("one", "return 1;"), {"one": "1"}, name="a.md")
    two = logic("one", "return 1;") + logic("two", "return 2;")
    write_case(two, {"one": "1", "two": "2"}, name="b.md")

    result = pytester.runpytest_inprocess("--reruns=1")

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*3 passed, 1 rerun*"])


def test_a_hook_that_sets_parameters_sees_every_case(run_here, pytester, write_case):
    pytester.makeconftest("""
import pytest

@pytest.fixture(autouse=True)
def setting(request):
    return getattr(request, "param", None)

def pytest_generate_tests(metafunc):
    if metafunc.definition.path.name == "b.md":
        metafunc.parametrize("setting", [1, 2], indirect=True)
""")
    for name in ("a.md", "b.md", "c.md"):
        write_case(logic("one", "return 1;"), {"one": "1"}, name=name)

    result = run_here("-v")

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["a.md::one PASSED*", "b.md::one?1? *", "b.md::one?2? *", "c.md::one PASSED*"]
    )


def test_marks_of_one_case_stay_its_own(run_here, pytester, write_case):
    pytester.makeconftest("""
import pytest

@pytest.fixture
def db():
    print("DB")

def pytest_collectstart(collector):
    if collector.name == "b.md":
        collector.add_marker(pytest.mark.usefixtures("db"))
""")
    for name in ("a.md", "b.md", "c.md"):
        write_case(logic("one", "return 1;"), {"one": "1"}, name=name)

    result = run_here("-s")

    result.assert_outcomes(passed=3)
    assert result.stdout.str().count("DB") == 1


def test_hooks_of_others_see_measures(run_here, pytester, write_case):
    pytester.makeconftest("""
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    print("CALLED", pyfuncitem.name)
    return (yield)

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        print("REPORT", report.evalmd["kind"], str(report.longrepr).split(":")[0])
    return report
""")
    measures = logic("one", "return 1;") + logic("bad", "return none.at;")
    write_case(measures, {"one": "1", "bad": "1"})

    result = run_here("-s")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*CALLED one*", "*REPORT error bad*"])

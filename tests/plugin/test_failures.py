"""How failures and errors read, in the terminal and in reports."""

from __future__ import annotations

import pytest
from measures import ai, logic

LONG = ",".join(f"name{n}" for n in range(40))


def section(result, title):
    """Give what stands under the heading of an item."""
    lines = iter(result.outlines)
    for line in lines:
        if line.startswith("_") and f" {title} " in line:
            break
    found = []
    for line in lines:
        if line.startswith(("___", "===")):
            break
        found.append(line)
    return found


def test_a_difference(run, judge, write_case):
    judge(TONE='{"reason": "it is short", "response": "calm"}')
    path = write_case(ai("tone"), {"tone": "angry"}, name="a/case.md")
    lines = path.read_text().split("\n")
    line = lines.index("> angry") + 1

    result = run("--judge-model=some model", "-p", "no:cacheprovider")

    assert result.ret == 1
    text = section(result, "a/case.md [tone]")
    assert [line for line in text if not line.startswith("[gw")][:11] == [
        "tone: tone?",
        "",
        "- recorded: angry",
        "+ computed: calm",
        "",
        "votes: calm · calm · calm; 0 of 3 agree with the recorded result (best of 5)",
        "",
        "the judge's reason: it is short",
        "",
        f"a/case.md:{line}: calm differs from the recorded angry",
        "to accept it: pytest a/case.md::tone --update-results "
        "'--judge-model=some model'",
    ]
    result.stdout.fnmatch_lines(
        ["FAILED a/case.md::tone - calm differs from the recorded angry"]
    )


def test_lists_texts_and_nothing_recorded(run_here, write_case):
    texts = "return ['one', 'two', 'three'].join('\\n');"
    measures = (
        logic("names", f"return {LONG.replace('name7', 'nameX').split(',')};")
        + logic("text", texts)
        + logic("space", "return 'a  b';")
        + logic("new", texts)
    )
    results = {"names": LONG, "text": "one\n2\nthree", "space": "a b"}
    write_case(measures, results)

    result = run_here()

    result.assert_outcomes(failed=4)
    assert section(result, "case.md [names]")[2:10] == [
        "--- recorded",
        "+++ computed",
        "@@ -6,5 +6,5 @@",
        " name5",
        " name6",
        "-name7",
        "+nameX",
        " name8",
    ]
    assert section(result, "case.md [text]")[5:9] == [" one", "-2", "+two", " three"]
    assert section(result, "case.md [new]")[2:6] == [
        "- recorded: nothing",
        "+ computed: one",
        "+ two",
        "+ three",
    ]
    result.stdout.fnmatch_lines(
        [
            "case.md:*: …*nameX,name8* differs from the recorded …*name7,name8*",
            "case.md:*: a b differs from the recorded a b (white space differs)",
            "case.md:*: no result is recorded; computed one two three",
        ]
    )


def test_compare_modes_say_what_they_want(run_here, write_case):
    array = "return ['a', 'b'];"
    measures = (
        logic("any", "return 'c';", compare="any-of")
        + logic("near", "return 5;", tolerance="2")
        + logic("order", array, compare="unordered")
        + logic("sub", array, compare="subset")
        + logic("over", array, compare="overlap", threshold="0.5")
        + logic("pat", "return 'x';", compare="pattern")
        + logic("badpat", "return 'x';", compare="pattern")
    )
    results = {
        "any": '["a", "b"]',
        "near": "1",
        "order": "a,c",
        "sub": "a",
        "over": "z",
        "pat": "[0-9]+",
        "badpat": "[",
    }
    path = write_case(measures, results)

    result = run_here("--tb=line")

    result.assert_outcomes(failed=6, errors=1)
    line = path.read_text().split("\n").index("> [") + 1
    result.stdout.fnmatch_lines(
        [
            f"case.md:{line}: *pattern*",
            '*case.md:*: c is none of the recorded [[]"a", "b"]',
            "*case.md:*: 5 is not within 2 of the recorded 1",
            "*case.md:*: a,b differs from the recorded a,c, order aside",
            "*case.md:*: a,b is no subset of the recorded a",
            "*case.md:*: a,b overlaps the recorded z by less than 0.5",
            "*case.md:*: x does not match the recorded pattern [[]0-9]+",
        ]
    )


def test_errors_and_what_they_block(run_here, judge, write_case):
    judge(NUMBER='{"response": "many"}')
    measures = (
        logic("broken", "const a = 1;\nreturn input.foo.bar;")
        + logic("after", "return 1;", input="broken")
        + logic("last", "return 1;", input="after")
        + ai("number", output="integer")
        + logic("loop", "while (true) {}")
        + logic("fine", "return 1;")
    )
    path = write_case(measures, {"fine": "1"}, answer="word " * 200)
    lines = path.read_text().split("\n")
    line = next(n for n, text in enumerate(lines) if "id: broken" in text)

    result = run_here("-o", "evalmd_logic_timeout=0.2")

    result.assert_outcomes(passed=1, errors=5)
    text = section(result, "ERROR at setup of case.md [broken]")
    assert text[:2] == ["broken: broken?", ""]
    assert text[2].startswith('input: "word word')
    assert len(text[2]) < 250
    assert text[2].endswith("…")
    assert text[4].startswith(f"case.md:{line}: logic failed at line 2: TypeError: ")
    assert section(result, "ERROR at setup of case.md [after]")[2].endswith(
        text[4].partition(": ")[2]
    )
    result.stdout.fnmatch_lines(
        [
            "case.md:*: blocked by broken: logic failed at line 2: TypeError*",
            "case.md:*: blocked by *TypeError*",
            "case.md:*: *\"many\"*is not of type 'integer'*",
            "case.md:*: logic used more than 0.2 s of CPU time (endless loop?)",
        ]
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ZeroDivisionError('of mine')", "*ZeroDivisionError: of mine*"),
        ("raise JudgeError('limit', 'no quota left')", "case.md:*: no quota left"),
        ("return 'text'", "*str*"),
        ("return Reply(text='{', finish_reason='length')", "case.md:*: *"),
        ("return Reply(text='', refusal='not that')", "case.md:*refus*not that*"),
    ],
)
def test_a_judge_that_fails(run_here, pytester, write_case, body, said):
    pytester.makeconftest(
        f"""
        import pytest
        from pytest_evalmd import JudgeError, Reply

        class Judge:
            async def complete(self, request):
                print("ASKED")
                {body}

        @pytest.fixture(scope="session")
        def llm_client():
            return Judge()
        """
    )
    write_case(ai("tone") + logic("size", "return 1;", input="tone"), {"tone": "calm"})

    result = run_here("-s")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([said, "*: blocked by tone: *"])
    shown = result.stdout.str()
    assert "INTERNALERROR" not in shown
    assert "Traceback" not in shown
    assert "def " not in shown.partition("ERRORS")[2]
    assert shown.count("ASKED") <= 2


def test_tracebacks_and_colours(run_here, write_case):
    write_case(logic("one", "return 1;") + logic("two", "x"), {"one": "2"})

    short = run_here("--tb=short")
    line = run_here("--tb=line")
    coloured = run_here("--color=yes")

    assert section(short, "case.md [one]")[2] == "- recorded: 2"
    assert "- recorded: 2" not in line.outlines
    line.stdout.fnmatch_lines(["*case.md:*: 1 differs from the recorded 2"])
    assert "\x1b[31m- recorded: 2\x1b[0m" in coloured.outlines
    assert "\x1b[32m+ computed: 1\x1b[0m" in coloured.outlines
    no = run_here("--tb=no", "-rA")
    assert "- recorded: 2" not in no.outlines
    no.stdout.fnmatch_lines(["ERROR case.md::two - *ReferenceError*"])


def test_junit(run_here, write_case, pytester):
    measures = logic("one", "return 1;") + logic("two", "x") + logic("ok", "return 1;")
    path = write_case(measures, {"one": "2", "ok": "1"}, name="a/case.md")

    run_here("--junitxml=out.xml", "-o", "junit_family=xunit1")

    from xml.etree import ElementTree

    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert [case.get("classname") for case in cases.values()] == ["a.case.md"] * 3
    one = cases["one"]
    assert one.get("file") == "a/case.md"
    line = next(n for n, s in enumerate(path.read_text().split("\n")) if "id: one" in s)
    assert one.get("line") == str(line - 1)
    failure = one.find("failure")
    assert failure.get("message") == "1 differs from the recorded 2"
    assert "+ computed: 1" in failure.text
    assert "ReferenceError" in cases["two"].find("error").get("message")
    assert list(cases["ok"]) == []


def test_the_debugger(run_here, pytester, write_case, monkeypatch):
    write_case(logic("one", "return 1;") + logic("two", "x"), {"one": "2"})
    pytester.makepyfile(
        debugger="""
        class Debugger:
            quitting = False
            def __init__(self, *args, **kwargs): pass
            def __getattr__(self, name): return lambda *args: print("PDB", name)
        """
    )
    pytester.syspathinsert()

    result = run_here("--pdb", "--pdbcls=debugger:Debugger", "--tb=short")

    result.assert_outcomes(failed=1, errors=1)
    assert "INTERNALERROR" not in result.stdout.str()
    assert result.stdout.str().count("PDB interaction") == 2


def test_options_that_stop_and_go_on(run_here, write_case):
    measures = "".join(logic(name, "return 1;") for name in ("a", "b", "c"))
    write_case(measures, {"a": "1", "b": "2", "c": "3"})

    run_here("-x").assert_outcomes(passed=1, failed=1)
    run_here("--maxfail=2").assert_outcomes(passed=1, failed=2)
    run_here("--lf").assert_outcomes(failed=2)
    run_here("--sw").assert_outcomes(passed=1, failed=1)
    again = run_here("--sw", "--update-results")
    again.assert_outcomes(passed=2, deselected=1)
    run_here("--ff", "-v").stdout.fnmatch_lines(["case.md::c PASSED*"])
    run_here("--lf").assert_outcomes(passed=3)


@pytest.mark.parametrize("results", [{}, {"brands": None}])
def test_an_empty_list_passes_only_where_there_is_a_block(
    run_here, judge, write_case, results
):
    judge(BRANDS='{"reason": "none", "response": []}')
    write_case(ai("brands", output="list"), results)

    result = run_here("--judge-model=m")

    result.assert_outcomes(passed=len(results), failed=1 - len(results))


def test_a_failure_without_a_terminal(run_here, write_case):
    write_case(logic("one", "return 1;"), {"one": "2"})
    assert run_here("-p", "no:terminal").ret == 1

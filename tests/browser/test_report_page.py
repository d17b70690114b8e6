"""The HTML report in a real browser: filters, keyboard, dialog, print, no harm."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from pytest_evalmd.report.document import (
    AnswerReport,
    MeasureReport,
    QuestionReport,
    Report,
)

ROWS = "tr.row:not([hidden])"
SERIOUS = ("serious", "critical")


FEWER = re.compile("^[0-9]+ of [0-9]+ answers$")


def expect_count(page, said):
    """Wait until the page says so; it filters a moment after the last key."""
    from playwright.sync_api import expect

    expect(page.locator("#count")).to_have_text(said)


def count(page):
    return page.inner_text("#count")


def shown(page):
    """Give name and model of every row that is shown."""
    return page.eval_on_selector_all(
        ROWS,
        "rows => rows.map(r => [r.querySelector('button').textContent, r.dataset.model])",
    )


def focused(page):
    return page.evaluate("document.activeElement.textContent.trim()")


def results(report):
    return [
        (question, answer, measure)
        for question in report.questions
        for answer in question.answers
        for measure in answer.measures
    ]


def expected(report, fits):
    found = {
        (question.name, answer.model): [question.name, answer.model]
        for question, answer, measure in results(report)
        if fits(question, answer, measure)
    }
    return list(found.values())


def choose(page, name, value):
    page.select_option(f"[data-filter={name}]", f"={value}")


def test_every_case_opens_without_a_complaint(page, made_up):
    page.click(f"{ROWS} button")
    for number, question in enumerate(made_up.questions):
        assert page.inner_text("#case-title") == question.name
        assert page.url.endswith(f"#case-{number + 1}")
        for _ in question.answers:
            page.keyboard.press("Tab")
            if page.is_enabled("[data-go='1']"):
                page.click("[data-go='1']")
    assert page.is_disabled("[data-go='1']")


def test_a_state_shows_rows_that_have_it(page, made_up):
    every = shown(page)
    assert count(page) == f"{len(every)} answers"
    page.check("[data-state=failed]")
    failed = expected(made_up, lambda q, a, m: m.state == "failed")
    assert shown(page) == failed
    assert count(page) == f"{len(failed)} of {len(every)} answers"
    page.check("[data-state=error]")
    both = expected(made_up, lambda q, a, m: m.state in ("failed", "error"))
    assert shown(page) == both
    assert len(failed) < len(both) < len(every)
    page.click("#reset")
    assert shown(page) == every


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("model", "larch-2", lambda q, a, m: a.model == "larch-2"),
        ("folder", "Winter walks", lambda q, a, m: q.folder == "Winter walks"),
        ("tag", "summer", lambda q, a, m: "summer" in q.tags),
        ("why", "judge", lambda q, a, m: m.attribution == "judge"),
    ],
)
def test_rows_are_chosen_by(page, made_up, name, value, fits):
    choose(page, name, value)
    assert shown(page) == expected(made_up, fits) != []


def test_a_measure_shows_its_column_and_filters_by_it_alone(page, made_up):
    choose(page, "measure", "last_bus")
    page.check("[data-state=failed]")
    assert shown(page) == expected(
        made_up, lambda q, a, m: (m.measure, m.state) == ("last_bus", "failed")
    )
    heads = page.locator("table.matrix thead th:visible").all_inner_texts()
    assert heads == ["Question", "Model", "last_bus"]
    assert page.locator(f"{ROWS}:first-of-type td:visible").count() <= 2
    page.click("#reset")
    assert page.locator("table.matrix thead th:visible").count() == 8


def test_search_finds_words_of_answers_and_says_when_there_is_none(page, made_up):
    page.fill("#search", "OTTER bank")
    expect_count(page, "2 of 24 answers")
    assert {name for name, _ in shown(page)} == {"otter-bank"}
    page.fill("#search", "zebra")
    expect_count(page, "0 of 24 answers")
    assert page.is_visible("#none")
    assert shown(page) == []
    page.focus("#search")
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    assert len(shown(page)) > 20
    page.fill("#search", "zebra")
    page.click("[data-reset]")
    assert len(shown(page)) > 20


def test_the_summary_leads_to_the_measure_that_changed(page):
    row = page.locator("#changes ~ div tbody tr").first
    name, measure = (
        row.locator("button").inner_text(),
        row.locator("td").first.inner_text(),
    )
    row.locator("button").click()
    assert page.inner_text("#case-title") == name
    assert focused(page) == measure
    page.click("[data-close]")
    assert not page.is_visible("#case")


def test_all_changes_are_shown_below(page, made_up):
    page.click("[data-show=failed]")
    assert page.is_checked("[data-state=failed]")
    assert shown(page) == expected(made_up, lambda q, a, m: m.state == "failed")


def test_keys_are_enough(page):
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the summary"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    names = [name for name, _ in shown(page)]
    page.focus("#full")
    page.keyboard.press("Tab")  # the table, which scrolls
    page.keyboard.press("Tab")
    assert focused(page) == names[0]
    for key, place in (
        *(("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", -1)),
        *(("ArrowDown", -1), ("PageUp", -11), ("Home", 0), ("ArrowUp", 0)),
        *(("PageDown", 10), ("x", 10)),
    ):
        page.keyboard.press(key)
        assert focused(page) == names[place], key
    assert page.locator(f"{ROWS} button[tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    assert page.is_visible("#case")
    assert focused(page) == names[10]  # the title
    page.keyboard.press("Escape")
    assert not page.is_visible("#case")
    assert focused(page) == names[10]
    page.wait_for_url(lambda url: "#case" not in url)
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_a_click_on_a_cell_opens_its_measure(page):
    page.locator("td[data-s=failed]").first.click()
    assert (
        page.evaluate("document.activeElement.closest('article').dataset.s") == "failed"
    )


@pytest.mark.parametrize(
    ("fragment", "title"),
    [
        ("#case-3", "seven-larches"),
        ("#case-999", None),
        ("#case-0", None),
        ("#x", None),
    ],
)
def test_a_link_leads_to_a_case(opened, made_up, fragment, title):
    page = opened(made_up, fragment=fragment)
    assert page.is_visible("#case") == (title is not None)
    if title:
        assert page.inner_text("#case-title") == title


HARM = (
    "<script>window.hit=1;alert(1)</script></script><img src=https://e.example/x "
    "onerror=window.hit=1></template><svg onload=window.hit=1><style>body{display:none}"
    "</style><iframe src=https://e.example></iframe><!-- [x](javascript:alert(1)) "
    '![x](https://e.example/y.png) <https://e.example> \0 \u202e" autofocus '
    "onfocus=window.hit=1 x='"
)


def hostile():
    measure = MeasureReport(
        measure=HARM,
        description=HARM,
        type="ai",
        state="failed",
        variant=HARM,
        recorded_text=HARM,
        computed_text=HARM,
        reason=HARM,
        attribution="both",
        votes=(HARM, HARM),
    )
    answers = [
        AnswerReport(model=HARM + name, text=HARM, path=HARM, measures=(measure,))
        for name in "ab"
    ]
    question = QuestionReport(
        query=HARM, folder=HARM, name=HARM, tags=(HARM, "x"), answers=tuple(answers)
    )
    return Report(
        title=HARM,
        date="2026-11-21",
        plugin="1",
        questions=(question,),
        problems=(HARM,),
    )


def test_what_is_hostile_stays_text(opened):
    page = opened(hostile())
    page.click(f"{ROWS} button")
    assert "<script>window.hit=1" in page.inner_text("#case-body .answer")
    page.keyboard.press("Escape")
    page.fill("#search", "iframe")
    for name in ("model", "tag"):
        page.select_option(f"[data-filter={name}]", index=1)
    expect_count(page, "1 of 2 answers")
    assert page.evaluate("window.hit") is None
    assert page.locator("iframe, img, .answer svg").count() == 0


def test_the_policy_holds_even_if_something_slipped_through(opened, made_up):
    page, failed = opened(made_up, forgive=True), []
    page.on("requestfailed", lambda request: failed.append(request.failure))
    page.evaluate(
        """document.body.insertAdjacentHTML('beforeend',
        '<img src="https://e.example/x" onerror="window.hit=1"><b onclick="window.hit=1" '
        + 'id="slipped">x</b><style>h1{display:none}</style>')"""
    )
    page.dispatch_event("#slipped", "click")
    assert failed == ["csp"]
    assert page.evaluate("window.hit") is None
    assert page.is_visible("h1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(opened, made_up, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened(made_up, color_scheme=scheme)
    for step in (None, "[data-state=failed]", f"{ROWS} button"):
        if step:
            page.click(step, force=True)
        found = axe.run(page).response["violations"]
        wrong = [(one["id"], one["nodes"][0]["html"]) for one in found]
        assert [one for one in found if one["impact"] in SERIOUS] == [], wrong
        assert wrong == []


def test_dark_is_dark(opened, made_up):
    def brightness(scheme):
        page = opened(made_up, color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))

    assert brightness("dark") < 150 < 600 < brightness("light")


def test_print_holds_what_is_shown(page):
    page.emulate_media(media="print")
    assert page.is_visible("#summary")
    assert not page.is_visible("#search")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#print > div").count() == 0
    page.emulate_media(media="screen")
    page.check("[data-state=failed]")
    page.check("#full")
    names = {name for name, _ in shown(page)}
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert set(page.locator("#print > div > h2").all_inner_texts()) == names
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#print > div").count() == 0
    assert len(page.pdf()) > 10_000


def test_the_open_case_is_printed(page):
    page.click(f"{ROWS} button")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    heads = page.locator("#print > div > h2").all_text_contents()
    assert heads == [page.inner_text("#case-title")]


def test_long_words_and_other_scripts_keep_their_place(opened, made_up):
    long, hebrew = "x" * 3000, "שלום לכולם, זו תשובה"
    question = made_up.questions[0]
    answer = replace(
        question.answers[0], text=f"Hello\n\n{hebrew}\n\n{long} 👩‍💻", model=long
    )
    other = replace(question, query=long, name=long, folder=long, answers=(answer,))
    report = replace(made_up, title=long, questions=(other,))
    page = opened(report, viewport={"width": 390, "height": 800})
    wide = "document.documentElement.scrollWidth <= 390"
    assert page.evaluate(wide)
    page.click(f"{ROWS} button")
    assert page.evaluate(wide)
    places = page.evaluate(
        """[...document.querySelectorAll('#case-body .answer p')].slice(0, 2).map(p => {
          const range = document.createRange(); range.selectNodeContents(p);
          const text = range.getBoundingClientRect(), box = p.getBoundingClientRect();
          return [Math.round(text.left - box.left), Math.round(box.right - text.right)];
        })"""
    )
    assert places[0][0] == 0 < places[0][1]
    assert places[1][1] == 0 < places[1][0]


def many(made_up, number_of_cases):
    every = [(q, a) for q in made_up.questions for a in q.answers]
    questions = []
    for number in range(number_of_cases):
        question, answer = every[number % len(every)]
        text = f"{answer.text}\n\n" * 3 + f"This is case number {number}."
        answer = replace(answer, text=text, path=f"walks/{number // 50}/{number}.md")
        folder, name = f"area {number // 50:02}", f"case {number}"
        questions.append(replace(question, folder=folder, name=name, answers=(answer,)))
    return replace(made_up, questions=tuple(questions))


def test_more_rows_than_a_browser_lays_out_at_once_are_shown_when_wanted(
    opened, made_up
):
    page = opened(many(made_up, 260))
    assert count(page) == "260 answers"
    assert len(shown(page)) == 250
    assert page.inner_text("#more") == "Show the other 10 answers"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(shown(page)) == 260
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.click("#more")
    assert len(shown(page)) == 260
    assert focused(page) == "case 250"
    assert not page.is_visible("#more")
    page.check("[data-state=failed]")
    assert not page.is_visible("#more")


@pytest.mark.slow
def test_a_thousand_cases_are_small_and_quick(opened, made_up, tmp_path):
    page = opened(many(made_up, 1000))
    [path] = tmp_path.glob("*.html")
    assert path.stat().st_size < 10_000_000
    for act, said in (
        (lambda: choose(page, "measure", "huts"), "1000 answers"),
        (lambda: page.check("[data-state=passed]"), FEWER),
        (lambda: page.uncheck("[data-state=passed]"), "1000 answers"),
        (lambda: page.fill("#search", "number 567."), "1 of 1000 answers"),
    ):
        started = time.perf_counter()
        act()
        expect_count(page, said)
        page.evaluate("document.body.offsetHeight")
        assert time.perf_counter() - started < 3, said
    assert [name for name, _ in shown(page)] == ["case 567"]

"""A report as HTML: what it says, and that nothing a case says is more than text."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import get_args

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_values import answer, measure, question, rating, report, report_of

from pytest_evalmd.judge.model import Usage
from pytest_evalmd.outcome import Kind
from pytest_evalmd.report import html
from pytest_evalmd.report.answers import LONGEST, answer_html
from pytest_evalmd.report.html import (
    LABELS,
    LISTED,
    LONGEST_TEXT,
    SIGNS,
    percent,
    write_html,
)
from pytest_evalmd.report.matrix import WORST_FIRST

VOID = {"meta", "input", "br", "hr", "wbr"}
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</template><img src=x onerror=alert(1)>",
    "<!-- <script>",
    "]]>--><svg onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
    "\"' onfocus=alert(1) autofocus x='",
    "<a href=javascript:alert(1)>x</a>",
    "</textarea></title></dialog></table>",
    "&lt;script&gt; &amp;amp;",
    "a\0b\x08\ufffe",
    "\u202egnirts\u2066 \ud800",
    "[x](javascript:alert(1)) ![x](https://a.b/c.png) [y](data:text/html,z)",
)


class Page(HTMLParser):
    """Every tag of a page, and its text outside of style and script."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID and not tag.startswith(("rect", "path", "circle")):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def page_of(*args, **more):
    return Page("".join(write_html(report(*args, **more))))


def text_of(*measures, **more):
    return Page("".join(write_html(report_of(*measures, **more)))).text


def written(text):
    """Write a report that holds a text wherever one can stand."""
    one = measure(
        "failed",
        name=text,
        description=text,
        variant=text,
        model=text,
        judge_model=text,
        recorded_text=text,
        computed_text=text + "!",
        human_text=text,
        reason=text,
        provenance=text,
        problem=text,
        attribution="answer",
        today_text=text,
        votes=(text, "x"),
    )
    asked = question(
        answer(one, text=text, model=text, path=text),
        query=text,
        folder=text.replace("/", "_"),
        name=text,
        tags=(text, "other"),
    )
    more = {"title": text, "date": text, "plugin": text, "problems": (text,)}
    other = question(answer(measure(name="n")), folder="b")
    return "".join(write_html(report(asked, other, options={text: text}, **more)))


def skeleton(text):
    """Give all tags and attributes' names of the page, without those of the answer."""
    page = Page(
        re.sub(r'(?s)(<div class="answer" dir="auto">).*?</div>', r"\1</div>", text)
    )
    return [(tag, sorted(attrs)) for tag, attrs in page.tags]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_changes_no_tag_of_the_page(text):
    found = written(text)
    assert skeleton(found) == skeleton(written("plain"))
    found.encode("utf-8")
    assert not re.search("[\0\x08\u202e\u2066]", found)


@given(st.text(alphabet=st.sampled_from("<>&\"'`=/!-{}%\\ \n\0ascript"), min_size=1))
def test_no_text_changes_a_tag_of_the_page(text):
    assert skeleton(written(text)) == skeleton(written("plain"))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_hostile_answer_becomes_is_harmless(text):
    allowed = {"p", "a", "pre", "code", "h4"}
    for tag, attrs in Page(
        answer_html(text) + answer_html(f"```{text}\n{text}\n```")
    ).tags:
        assert tag in allowed
        assert not attrs


@given(st.text(alphabet=st.sampled_from("<>&\"'`[]()!:|#*_~-\n httpsjavcri/.x")))
def test_no_answer_has_tags_or_attributes_of_its_own(text):
    for tag, attrs in Page(f"<div>{answer_html(text)}</div>").tags:
        assert tag not in ("script", "img", "svg", "style", "iframe", "h1", "h2", "h3")
        assert attrs.keys() <= {"href", "target", "rel", "class", "start"}
        assert attrs.get("class") in (None, "left", "center", "right")
        assert attrs.get("href", "https://").lower().startswith(("http://", "https://"))


def test_an_answer_keeps_its_form():
    found = answer_html(
        "# Head\n\n> **bold** *it* ~~no~~\n\n1. [a](https://b.c)\n\n"
        "| x | y |\n|---|:-:|\n| 1 | 2 |\n\n```js x\n<b>\n```\n"
    )
    for expected in (
        "<h4>Head</h4>",
        "<blockquote>",
        "<strong>bold</strong> <em>it</em> <s>no</s>",
        '<a href="https://b.c" target="_blank" rel="noopener noreferrer">a</a>',
        "<td>1</td>",
        '<td class="center">2</td>',
        "<pre><code>&lt;b&gt;\n</code></pre>",
    ):
        assert expected in found


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("###### deep", "<h6>deep</h6>\n"),
        ("![the *map*](https://a.b/c.png)", "<p>[image: the *map*]</p>\n"),
        ("![<b>](x)", "<p>![&lt;b&gt;](x)</p>\n"),
        ("[x](//evil.example)", "<p>[x](//evil.example)</p>\n"),
        ("[x](http:///)", "<p>[x](http:///)</p>\n"),
        ("<JavaScript:x>", "<p>&lt;JavaScript:x&gt;</p>\n"),
        ("a\u202eb\u200bc", "<p>a⟨U+202E⟩b⟨U+200B⟩c</p>\n"),
        ("👩\u200d💻 שלום", "<p>👩\u200d💻 שלום</p>\n"),
    ],
)
def test_what_could_leave_the_page_or_mislead(markdown, expected):
    assert answer_html(markdown) == expected


def test_a_huge_answer_is_cut_and_says_so():
    assert len(answer_html("x" * (LONGEST + 7))) == LONGEST + len("<p></p>\n")
    found = page_of(question(answer(text="x" * (LONGEST + 7)))).text
    assert "The answer goes on for 7 more characters" in found


def test_the_policy_allows_this_style_and_this_script_only():
    found = "".join(write_html(report_of(rating(9, 4))))
    page = Page(found)
    [policy] = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        [text] = re.findall(f"(?s)<{kind}>(.*?)</{kind}>", found)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        names = [name for name in attrs if name.startswith("on")]
        assert not {"style", "src", "srcset", "action", *names} & attrs.keys()
        assert attrs.get("href", "#").startswith("#")


def test_ids_are_unique_and_labels_lead_somewhere():
    asked = [question(answer(rating(9, 4), model=m), folder=m) for m in "ab"]
    tags = page_of(*asked).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in tags:
        assert attrs.get("aria-labelledby", ids[0]) in ids
        assert attrs.get("href", f"#{ids[0]}")[1:] in ids


@pytest.mark.parametrize(
    ("measures", "expected"),
    [
        ((rating(9, 9), rating(9, 4)), "1 of 2 results differs from what is recorded"),
        ((rating(9, 4), rating(9, 4)), "2 of 2 results differ from what is recorded"),
        ((rating(9, 9),), "✓ The only result is as recorded"),
        ((rating(9, 9), rating(9, 9)), "✓ All 2 results are as recorded"),
        ((rating(9, 9), measure("unrecorded")), "but not everything was checked"),
        ((rating(9, 9), measure("skipped")), "✓ The only result is as recorded"),
        ((measure("error"),), "1 result could not be computed"),
        ((measure("error"), measure("blocked")), "2 results could not be computed"),
        ((measure("skipped"),), "Nothing was checked"),
        ((measure("unrecorded"), measure("skipped")), "Nothing was checked"),
        ((rating(9, state="recorded"),), "1 recorded result "),
        ((), "0 recorded results"),
    ],
)
def test_the_headline_says_what_matters_most(measures, expected):
    assert expected in text_of(*measures)


def test_an_empty_report_says_so():
    assert "0 questions" in page_of().text


def test_why_and_how_sure():
    found = text_of(
        rating(9, 4, attribution="answer", today_text="9", votes=("4", "4")),
        rating(9, 8, attribution="judge", today_text="8", votes=("8", "9", "8")),
        rating(2, 3),
        rating(2, 3, today_text="3"),
    )
    for expected in (
        "1 the answer changed",
        "1 the judge drifted",
        "2 the run does not tell answer from judge",
        "2 went down and 2 up",
        "1 asked several times, always the same",
        "1 asked several times, by a majority of votes",
        "2 asked once",
        "The recorded answer is judged today: 9 .",
        "Recorded answer, judged today 3",
        "2 of 3 votes",
    ):
        assert expected in found


def test_a_measure_without_a_judge_did_not_drift():
    found = text_of(rating(9, 4, attribution="judge", type="programmatic"))
    changes, case = found.split("What changed")[1].split("All results")
    assert "the measure changed" in changes
    assert "The measure changed." in case


def test_results_that_were_asked_once_are_not_sure():
    assert "Each was asked once" in text_of(rating(9, 4))


def test_what_was_not_measured_is_counted():
    states = ("error", "blocked", "unrecorded", "unanswered", "skipped")
    found = text_of(*map(measure, states))
    for expected in ("1 could not be computed", "1 not answered yet"):
        assert expected in found


def test_only_the_first_changes_and_measures_are_listed():
    few = text_of(*(rating(9, 4, name=f"m{i}") for i in range(LISTED)))
    many = text_of(*(rating(9, 4, name=f"m{i}") for i in range(LISTED + 3)))
    assert "more" not in few.split("All results")[0]
    assert "Show all" not in few
    assert f"Show all {LISTED + 3} below" in many
    assert "3 more" in many


def test_changes_in_cases_of_the_same_name_are_told_apart():
    asked = [
        question(answer(rating(9, 4)), folder=folder, name="query-1")
        for folder in ("Alpha/options", "Beta/options")
    ]
    changes = page_of(*asked).text.split("What changed")[1].split("As recorded, by")[0]
    assert "query-1 Alpha/options · tern" in changes
    assert "query-1 Beta/options · tern" in changes


def test_files_that_could_not_be_read_are_told():
    found = page_of(problems=[f"a.md:{i}: no query" for i in range(25)]).text
    assert "25 problems: some case files could not be read" in found
    assert "a.md:19: no query" in found
    assert "a.md:20: no query" not in found
    assert "… and 5 more" in found
    assert "1 problem: some" in page_of(problems=["a.md:1: no query"]).text


def test_a_run_that_could_not_read_every_case_is_not_all_right():
    found = text_of(rating(9, 9), problems=["a.md:1: no query"])
    assert "but not everything was checked" in found


def test_a_checkout_with_windows_line_ends_has_the_same_hashes():
    files = jinja2.DictLoader({"report.js": "a\r\nb\n"})
    assert html._asset(jinja2.Environment(loader=files), "report.js") == "a\nb\n"


def test_a_case_shows_all_that_is_known():
    found = text_of(
        rating(
            9,
            4,
            variant="x",
            judge_model="plumb",
            human_text="7",
            reason="It is short.",
            provenance="recorded from plumb on 2026-01-02",
            problem="none",
            votes=("4", "5"),
            usage=Usage(asked=1200, answered=30, cached=0),
            duration_s=1.234,
        ),
        measure("unrecorded", computed_text=""),
    )
    for expected in (
        "m[x]",
        "Recorded 9 Computed 4",
        "A person says 7",
        "The judge's reason It is short.",
        "Votes 4 5",
        "Provenance recorded from plumb",
        "judge plumb tokens: 1,200 asked, 30 answered 1.23 s",
    ):
        assert expected in found


def test_what_agrees_is_said_once():
    found = text_of(rating(9, 9, duration_s=0.001))
    assert "Recorded and computed 9" in found
    assert "0.00 s" not in found


def test_cases_without_an_answer():
    found = page_of(
        question(answer(measure("unanswered"), text="")),
        question(answer(measure("passed"), text=" "), folder="b"),
        question(answer(text="Yes", new=True, model=""), folder="c", name="new"),
    ).text
    assert "Not answered yet." in found
    assert "No answer is on hand." in found
    assert "new in this run" in found
    assert "model not named" in found


def test_rows_can_be_chosen_by_what_tells_them_apart():
    def choices(page):
        return [a["data-filter"] for _, a in page.tags if "data-filter" in a]

    one = question(answer(rating(9, 4, attribution="both")))
    assert choices(page_of(one)) == ["why"]
    other = question(
        answer(measure(name="n"), model="larch"), folder="b/c", tags=("x", "y")
    )
    page = page_of(one, other)
    assert choices(page) == ["measure", "model", "folder", "tag", "why"]
    values = {a["value"] for t, a in page.tags if t == "option"}
    assert {"=b", "=b/c", "=a", "=x", "=larch", "=tern", "=n", "=both"} < values


def test_options_of_the_run_are_told():
    assert "judge plumb" in page_of(options={"judge": "plumb"}).text


def test_a_text_that_nobody_would_read_to_its_end_is_cut():
    found = text_of(measure(reason="x" * (LONGEST_TEXT + 1234)))
    assert "x… (1,234 more characters)" in found


def test_scores_that_no_scale_holds():
    found = "".join(write_html(report_of(rating(5), rating(5))))
    assert "<circle" not in found  # there is no scale of one number
    moved = "".join(write_html(report_of(rating(5, 5, state="failed"))))
    assert 'cx="80.0"' in moved
    wide = [rating(value) for value in (1, 1, 1, 10)]
    bounds = re.findall(
        r'whisker" d="M(\S+) 9H(\S+)M', "".join(write_html(report_of(*wide)))
    )
    assert all(6 <= float(low) <= float(high) <= 214 for low, high in bounds)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0"), (1, "100"), (0.001, "1"), (0.999, "99"), (0.5, "50")],
)
def test_only_all_of_them_are_100_per_cent(share, expected):
    assert percent(share) == expected


def test_states_read_without_colour():
    assert len(set(SIGNS.values())) == len(set(LABELS.values())) == len(SIGNS)
    states = {*get_args(Kind), "recorded", "unanswered"}
    assert SIGNS.keys() == LABELS.keys() == set(WORST_FIRST) == states
    found = text_of(*(measure(state, name=state) for state in SIGNS))
    for state, sign in SIGNS.items():
        assert f"{sign} {LABELS[state]}" in found


def test_the_same_report_gives_the_same_page():
    one = report_of(rating(9, 4))
    assert "".join(write_html(one)) == "".join(write_html(one))

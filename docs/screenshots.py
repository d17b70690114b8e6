"""Makes the screenshots of docs/ from a made-up report: ``python docs/screenshots.py``.

It needs ``pip install -e '.[browser]'`` and Chromium. Everything in the report is
invented: the valley, its huts, the models and the judge.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_evalmd.judge.model import Usage
from pytest_evalmd.report.document import (
    AnswerReport,
    Attribution,
    MeasureReport,
    QuestionReport,
    Report,
)
from pytest_evalmd.report.html import write_html

MODELS = ("larch-2", "tern-mini")
WALKS = {
    "Summer walks": (
        "Morvath ridge",
        "Lindary gorge",
        "Seven larches",
        "Old salt path",
    ),
    "Winter walks": ("Frozen tarn", "Lantern trail", "Upper Sennet", "Hare meadows"),
    "With children": ("Otter bank", "Windmill round", "Echo caves", "Little Morvath"),
}
HUTS = ("Birkenrast", "Falkstube", "Tarnhof", "Sennhaus")
WARNINGS = (
    "Take something warm: the wind turns in the afternoon.",
    "After rain the last part is slippery, and poles are a good idea.",
    "Start early, since thunder comes up fast on that side of the valley.",
)
JUDGE = "plumb-line-1"
DATE = "2026-11-21"
SEED = 162


def made_up_report() -> Report:
    """Invent a report of a run: two models, six measures, all that can come of them."""
    draw = random.Random(SEED)
    questions = [
        _question(folder, walk, draw)
        for folder, walks in WALKS.items()
        for walk in walks
    ]
    return Report(
        title="What two models say about walks in the Sennet valley",
        date=DATE,
        plugin="0.1.0",
        questions=tuple(questions),
        options={
            "Mode": "auto",
            "Judge": JUDGE,
            "New answers of": "tern-mini",
            "Asked again": "up to 5 times where a result differs",
        },
    )


def _question(folder: str, walk: str, draw: random.Random) -> QuestionReport:
    name = walk.lower().replace(" ", "-")
    answers = [
        _answer(folder, name, walk, model, draw)
        for model in MODELS
        if (model, name) != ("tern-mini", "hare-meadows")
    ]
    return QuestionReport(
        query=f"We are two adults who walk a few times a year. Is the {walk} a good "
        "choice for a Saturday, how long does it take, and where can we eat?",
        folder=folder,
        name=name,
        tags=("valley", folder.split()[0].lower()),
        answers=tuple(answers),
    )


def _answer(
    folder: str, name: str, walk: str, model: str, draw: random.Random
) -> AnswerReport:
    hours, climb = draw.randint(2, 7), 50 * draw.randint(3, 16)
    huts = draw.sample(HUTS, 2)
    text = f"""Yes, the **{walk}** suits you well if you take your time.

1. **Walking time:** about {hours} hours with breaks, and {climb} metres up.
2. **Best months:** it is at its quietest in June and September.
3. **Where to eat:** *{huts[0]}* is right on the way; *{huts[1]}* is ten minutes off it.

| Part | Time | How steep |
|---|--:|---|
| To the bridge | 40 min | flat |
| To {huts[0]} | {hours - 1} h | steady, with two short steep parts |
| Back down | 50 min | gentle |

> {draw.choice(WARNINGS)}

The bus back leaves every hour; the last one goes at half past six."""
    return AnswerReport(
        model=model,
        text=text,
        path=f"walks/{folder.lower().replace(' ', '-')}/{name}/{model}.md",
        new=model == "tern-mini",
        measures=tuple(_measures(model, hours, huts, draw)),
    )


def _measures(
    model: str, hours: int, huts: list[str], draw: random.Random
) -> Iterator[MeasureReport]:
    rating = draw.randint(5, 9)
    texts = (
        ("hours", "How many hours does it say the walk takes?", str(hours)),
        ("huts", "Which huts does it name?", ",".join(huts)),
        ("first_hut", "Which hut does it name first?", huts[0]),
        ("warns", "Does it warn of the weather or the ground?", "true"),
        ("last_bus", "Does it say when the last bus leaves?", "true"),
        ("welcome", "How welcoming is the answer, from 1 to 10?", str(rating)),
    )
    for name, description, recorded in texts:
        passed = MeasureReport(
            measure=name,
            description=description,
            type="programmatic" if name == "first_hut" else "ai",
            state="passed",
            model=model,
            recorded_text=recorded,
            computed_text=recorded,
            number=float(recorded) if recorded.isdigit() else None,
            duration_s=0.002,
        )
        if passed.type == "ai":
            passed = replace(
                passed,
                judge_model=JUDGE,
                reason=f"The answer says so in plain words: {recorded}.",
                provenance=f"recorded from {JUDGE} on 2026-10-02; it was asked the same "
                "then",
                usage=Usage(
                    asked=draw.randint(600, 900), answered=draw.randint(20, 60)
                ),
                duration_s=draw.uniform(0.4, 2.2),
            )
        yield _turned(passed, draw)


def _turned(passed: MeasureReport, draw: random.Random) -> MeasureReport:
    """Let some results come out otherwise, more of the new model's."""
    chance = draw.random() * (2 if passed.model == "larch-2" else 1)
    if passed.measure == "welcome" and chance < 0.45:
        before = int(passed.recorded_text)
        now = max(1, before + draw.choice((-4, -3, -2, -1, 1)))
        why = draw.choices(("answer", "judge", "both"), (5, 3, 1))[0]
        return _differs(passed, now, why, before if why == "answer" else now, draw)
    if passed.measure in ("warns", "last_bus") and chance < 0.12:
        return replace(
            _differs(passed, "false", "answer", "true", draw),
            reason="It speaks of the path and the food, but nowhere of that.",
            human_text="false",
        )
    if passed.measure == "huts" and chance < 0.12:
        return replace(
            passed,
            state="error",
            computed_text=None,
            reason="",
            problem="the judge gave no usable reply: it names no JSON array; asked 3 times",
        )
    if passed.measure == "first_hut" and chance < 0.06:
        return replace(passed, state="unrecorded", recorded_text="", provenance="")
    return passed


def _differs(
    passed: MeasureReport,
    now: object,
    why: Attribution,
    today: object,
    draw: random.Random,
) -> MeasureReport:
    sure = draw.random() < 0.6
    others = [str(now)] * 4 if sure else [str(now), passed.recorded_text] * 2
    return replace(
        passed,
        state="failed",
        computed_text=str(now),
        number=float(str(now)) if str(now).isdigit() else None,
        attribution=why,
        today_text=str(today),
        votes=(str(now), *others),
        reason="It answers what was asked, in short sentences, and leaves the reader "
        "alone with the rest.",
    )


def main(folder: Path) -> None:
    """Write the pictures."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        page_file = Path(work, "report.html")
        with page_file.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(write_html(made_up_report()))
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            page = browser.new_page(
                color_scheme=scheme, viewport={"width": 1240, "height": 1000}
            )
            page.goto(page_file.as_uri())
            page.screenshot(path=folder / f"report-{scheme}.png")
            if scheme == "light":
                page.evaluate(
                    "document.getElementById('matrix').scrollIntoView({behavior: 'instant'})"
                )
                page.screenshot(path=folder / "report-matrix.png")
                page.locator("[data-open]").first.click()
                page.screenshot(path=folder / "report-case.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

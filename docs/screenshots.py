"""Makes the screenshots of docs/ from a made-up report: ``python docs/screenshots.py``.

It needs ``pip install -e '.[browser]'`` and Chromium. Everything in the report is
invented: the valley, its huts, the models and the judge.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
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

NEW = "tern-mini"
MODELS = ("larch-2", NEW)
MEASURES = {
    "hours": "How many hours does it say the walk takes?",
    "huts": "Which huts does it name?",
    "first_hut": "Which hut does it name first?",
    "warns": "Does it warn of the weather or the ground?",
    "last_bus": "Does it say when the last bus leaves?",
    "welcome": "How welcoming is the answer, from 1 to 10?",
}
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
SEED = 45
SIZE = {"width": 1280, "height": 760}


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
            "mode": "auto",
            "judge model": JUDGE,
            "answer model": NEW,
            "asked": "up to 5 times where a result differs",
        },
    )


def _question(folder: str, walk: str, draw: random.Random) -> QuestionReport:
    name = walk.lower().replace(" ", "-")
    hours, huts = draw.randint(2, 7), draw.sample(HUTS, 2)
    rating = draw.randint(5, 8)
    drifted = rating + draw.choice((-3, -2, 1)) if draw.random() < 0.2 else rating
    recorded = {
        "hours": str(hours),
        "huts": ",".join(huts),
        "first_hut": huts[0],
        "warns": "true",
        "last_bus": "true",
        "welcome": str(rating),
    }
    answers = [
        AnswerReport(
            model=model,
            text=_text(walk, hours, huts, draw),
            path=f"walks/{folder.lower().replace(' ', '-')}/{name}.md",
            new=model == NEW,
            measures=tuple(
                _measure(model, id_, text, str(drifted), draw)
                for id_, text in recorded.items()
            ),
        )
        for model in MODELS
    ]
    return QuestionReport(
        query=f"We are two adults who walk a few times a year. Is the {walk} a good "
        "choice for a Saturday, how long does it take, and where can we eat?",
        folder=folder,
        name=name,
        tags=("valley", folder.split()[0].lower()),
        answers=tuple(answers),
    )


def _text(walk: str, hours: int, huts: list[str], draw: random.Random) -> str:
    climb = 50 * draw.randint(3, 16)
    return f"""Yes, the **{walk}** suits you well if you take your time.

1. **Walking time:** about {hours} hours with breaks, and {climb} metres up.
2. **Best months:** it is at its quietest in June and September.
3. **Where to eat:** *{huts[0]}* is right on the way; *{huts[1]}* is ten minutes off it.

| Part | Time | How steep |
|---|--:|---|
| To the bridge | 40 min | flat |
| To {huts[0]} | {hours - 1} h | steady, two steep parts |
| Back down | 50 min | gentle |

> {draw.choice(WARNINGS)}

The bus back leaves every hour; the last one goes at half past six."""


def _measure(
    model: str, id_: str, recorded: str, drifted: str, draw: random.Random
) -> MeasureReport:
    passed = MeasureReport(
        measure=id_,
        description=MEASURES[id_],
        type="programmatic" if id_ == "first_hut" else "ai",
        state="passed",
        model=model,
        recorded_text=recorded,
        computed_text=recorded,
        number=float(recorded) if recorded.isdigit() else None,
    )
    if passed.type == "ai":
        passed = replace(
            passed,
            judge_model=JUDGE,
            reason="The answer says so in plain words.",
            provenance=f"recorded from {JUDGE} on 2026-10-02; it was asked the same then",
            usage=Usage(asked=draw.randint(600, 900), answered=draw.randint(20, 60)),
            duration_s=draw.uniform(0.4, 2.2),
        )
    today = drifted if id_ == "welcome" else recorded
    now = _now(model, id_, today, draw)
    if now is None:
        problem = (
            "the judge gave no usable reply: it names no JSON array; asked 3 times"
        )
        return replace(
            passed, state="error", computed_text=None, reason="", problem=problem
        )
    return passed if now == recorded else _differs(passed, now, today, draw)


def _now(model: str, id_: str, today: str, draw: random.Random) -> str | None:
    """Say what an answer is judged; the new one's are not always as good."""
    chance = draw.random()
    if model == NEW and id_ == "welcome" and chance < 0.3:
        return str(max(1, int(today) - draw.randint(1, 3)))
    if model == NEW and id_ in ("warns", "last_bus") and chance < 0.15:
        return "false"
    return None if id_ == "huts" and chance < 0.06 else today


def _differs(
    passed: MeasureReport, now: str, today: str, draw: random.Random
) -> MeasureReport:
    drifted = today != passed.recorded_text
    why: Attribution = "judge" if now == today else "both" if drifted else "answer"
    sure = draw.random() < 0.6
    others = [now] * 4 if sure else [now, passed.recorded_text] * 2
    missing = now == "false"
    return replace(
        passed,
        state="failed",
        computed_text=now,
        number=float(now) if now.isdigit() else None,
        attribution=why,
        today_text=today,
        votes=(now, *others),
        human_text=now if missing and sure else "",
        reason="It speaks of the path and the food, but nowhere of that."
        if missing
        else "It answers what was asked, in short sentences, and wishes a good day.",
    )


def main(folder: Path) -> None:
    """Write the pictures."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        report = Path(work, "report.html")
        with report.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(write_html(made_up_report()))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme, viewport=SIZE)
            page.goto(report.as_uri())
            page.screenshot(path=folder / f"report-{scheme}.png")
        page = browser.new_page(color_scheme="light", viewport=SIZE)
        page.goto(report.as_uri())
        page.evaluate("document.getElementById('matrix').scrollIntoView()")
        page.wait_for_timeout(1000)  # it scrolls smoothly
        page.screenshot(path=folder / "report-matrix.png")
        page.locator("tr", has_text="the judge drifted").first.get_by_role(
            "button"
        ).click()
        page.set_viewport_size(SIZE | {"height": 640})
        page.screenshot(path=folder / "report-case.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

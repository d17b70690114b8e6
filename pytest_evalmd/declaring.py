"""The plugin's options as pytest declares them: command line and ini file."""

from __future__ import annotations

import pytest

from pytest_evalmd.options import CONFIRM, FAIL_ON, MAX_CONCURRENCY, MAX_CONFIRM, MODES


def add_options(parser: pytest.Parser) -> None:
    """Declare every option."""
    group = parser.getgroup("evalmd", "answers of language models in markdown cases")
    _add_judging(group)
    _add_answers(group)
    _add_noise(group)
    _add_caps(group)
    _add_runs(group)
    _add_ini(parser)


def _add_judging(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--update-results",
        action="store_true",
        dest="update_results",
        help="write results that differ or are missing into the case files",
    )
    group.addoption(
        "--evalmd-mode",
        choices=MODES,
        dest="evalmd_mode",
        help="where ai outputs come from: auto (a remembered reply, else the judge), "
        "replay (remembered replies only), live (the judge in any case) or off (skip "
        "ai measures; programmatic ones run on recorded results)",
    )
    group.addoption(
        "--judge-model",
        metavar="NAME",
        dest="evalmd_judge_model",
        help="the model that judges, whatever a case says (default: the case's "
        "judge, then EVALMD_JUDGE_MODEL, then ini evalmd_judge_model)",
    )


def _add_answers(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--answer-model",
        action="append",
        metavar="NAME",
        dest="evalmd_answer_models",
        help="ask this model the cases' queries and measure its answers in place of "
        "the recorded ones (repeatable); with --update-results it rewrites them",
    )
    group.addoption(
        "--evalmd-fail-on",
        choices=FAIL_ON,
        dest="evalmd_fail_on",
        help="with --answer-model: fail where the answer changed, where the judge "
        "drifted, or for any of them (default); the others are xfailed",
    )


def _add_noise(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--evalmd-confirm",
        type=int,
        metavar="N",
        dest="evalmd_confirm",
        help="before a result fails that differs from the recorded one, ask again: the "
        f"best of N, 1 to {MAX_CONFIRM}; 1 asks once (default: {CONFIRM}). Given with "
        "--update-results, new results are asked so often, too",
    )


def _add_caps(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--evalmd-concurrency",
        type=int,
        metavar="N",
        dest="evalmd_concurrency",
        help=f"requests in flight at once, 1 to {MAX_CONCURRENCY} (default: 8)",
    )
    group.addoption(
        "--evalmd-max-requests",
        type=int,
        metavar="N",
        dest="evalmd_max_requests",
        help="ask nothing if the run would send more requests than this",
    )
    group.addoption(
        "--evalmd-max-tokens",
        type=int,
        metavar="N",
        dest="evalmd_max_tokens",
        help="ask nothing if the run would use more tokens than this, as estimated "
        "from remembered replies",
    )


def _add_runs(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--evalmd-run",
        metavar="FILE",
        dest="evalmd_run",
        help="write everything the run found to a JSON file, for evalmd compare",
    )
    group.addoption(
        "--evalmd-report",
        action="append",
        default=[],
        metavar="FILE",
        dest="evalmd_report",
        help="write a report to a file that ends in .html, .md or .json; github: a job "
        "summary, and failures as annotations (may be given several times)",
    )
    group.addoption(
        "--evalmd-baseline",
        metavar="FILE",
        dest="evalmd_baseline",
        help="compare the run with this file of an earlier --evalmd-run",
    )
    group.addoption(
        "--evalmd-gate",
        metavar="GATE",
        dest="evalmd_gate",
        help="what --evalmd-baseline lets fail the run: any result that broke (default), "
        "significant (more than noise), or rate:0.95 (a lower pass rate)",
    )
    group.addoption(
        "--evalmd-shard",
        metavar="K/N",
        dest="evalmd_shard",
        help="run the K-th of N parts of the cases, for N machines; evalmd merge joins "
        "their files of --evalmd-run",
    )


def _add_ini(parser: pytest.Parser) -> None:
    parser.addini("evalmd_mode", "default of --evalmd-mode", default="auto")
    parser.addini("evalmd_judge_model", "the model that judges", default="")
    parser.addini(
        "evalmd_judge_parameters",
        "sent with every request to the judge, a line each, such as temperature: 0",
        type="linelist",
    )
    for name, text, default in (
        ("evalmd_concurrency", "requests in flight at once", "8"),
        (
            "evalmd_timeout",
            "for one reply, with waiting and retries, in seconds",
            "120",
        ),
        ("evalmd_logic_timeout", "JavaScript's time, in seconds of CPU", "1"),
        ("evalmd_logic_memory", "JavaScript's memory, in MiB", "64"),
        ("evalmd_logic_stack", "JavaScript's stack, in KiB", "1024"),
    ):
        parser.addini(name, f"{text} ({default})", default=default)

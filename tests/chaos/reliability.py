"""Writes the table of docs/reliability.md from the markers of the tests.

python tests/chaos/reliability.py
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reliability.md"
START, END = "<!-- table: start -->", "<!-- table: end -->"
HEAD = ("| Fault | What you see | What is kept | Test |", "|---|---|---|---|")


def rows() -> Iterator[str]:
    """Give a row for each ``fault`` marker in the tests, by file and line."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and _is_fault(decorator):
                        yield _row(decorator, path, node)


def _is_fault(call: ast.Call) -> bool:
    return ast.unparse(call.func) == "pytest.mark.fault"


def _row(call: ast.Call, path: Path, test: ast.FunctionDef) -> str:
    name = ast.literal_eval(call.args[0])
    given = {one.arg: ast.literal_eval(one.value) for one in call.keywords}
    sees = "<br>".join(f"`{words}`" for words in given["sees"]) or "the run is gone"
    where = path.relative_to(ROOT / "tests").as_posix()
    cells = (name, sees, given["keeps"], f"[{test.name}](../tests/{where})")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def page(text: str) -> str:
    """Put the table of today's tests into the page."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    table = "\n".join([*HEAD, *rows()])
    return f"{before}{START}\n{table}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

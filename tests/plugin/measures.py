"""Measures as text, for cases that tests write."""

from __future__ import annotations


def ai(id_: str, **keys: str) -> str:
    """Give an ai measure whose prompt is its id in capitals."""
    given = {"type": "ai", "prompt": id_.upper(), "output": "text"} | keys
    return _measure(id_, given)


def logic(id_: str, code: str, **keys: str) -> str:
    """Give a programmatic measure; of the answer, unless ``input`` is given."""
    return _measure(id_, {"type": "programmatic", "input": "answer"} | keys, code)


def _measure(id_: str, keys: dict[str, str], code: str = "") -> str:
    lines = ["* ---", f"  * id: {id_}"]
    lines += [f"  * {key}: {value}" for key, value in keys.items()]
    if "description" not in keys:
        lines.append(f"  * description: {id_}?")
    if code:
        lines += ["  * logic: |", *(f"      {line}" for line in code.split("\n"))]
    return "\n".join(lines) + "\n"

"""Fuzzes one target with atheris, guided by which code of ours each text reaches.

    python tests/fuzz/guided.py case -max_total_time=600

Without a time it goes on until something breaks; libFuzzer's options are taken. The
documents are those of test_fuzz.py: atheris chooses the bytes that hypothesis draws by.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["pytest_evalmd"]):
    from targets import TARGETS
    from test_fuzz import fuzz


def main() -> None:
    """Fuzz the target that the first argument names."""
    name = sys.argv.pop(1)
    if name not in TARGETS:
        sys.exit(f"unknown target, got {name!r}; expected one of {', '.join(TARGETS)}")
    check = fuzz(name, 1)
    atheris.Setup(sys.argv, check.hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""The process that runs other people's code; started by path, imports no package.

A frame is a length of four bytes (big endian), then UTF-8. A request holds a JSON
list on its first line, ``[verb, argument …]``, and the data of the verb after it. A
reply is a JSON object with a ``value`` or with an ``error``, its ``line`` in the logic
and whether it is told ``by_engine``. The first frame, empty, says "ready".
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

THREAD_STACK = 64 * 2**20
RECURSION = 10_000
"""Enough for jsonschema, which needs several frames for each of 200 levels."""
GRACE_S = 1.0
SIGNATURE = "logic(input, params, answer, query)"
MISSING = "{0} needs the package {1}, which is not installed in {2}; pip install {1}"
PACKAGES = {"quickjs": ("JavaScript", "quickjs-ng")}
INTERRUPTED = ("InternalError: interrupted", "interrupted")
"""The second one where the logic took the error's toString away."""
OUT_OF_MEMORY = ("null", "InternalError: out of memory", "(Failed obtaining")
TOO_DEEP = ("stack overflow", "Maximum call stack size exceeded")
NAMES = {
    "function": "a function",
    "symbol": "a Symbol",
    "bigint": "a BigInt",
    "depth": "a value nested deeper than 200 levels, or circular,",
}

# A frame of the logic itself: not of code that it gave to eval or to Function.
FRAME = re.compile(r"at (?!<eval>|anonymous )([^\n(]*) \(<input>:(\d+)")
PLACE = re.compile(r"<input>:(\d+)")
PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)

Reply = dict[str, Any]
Context = Any  # Of quickjs, which has no types and is imported late.


def main() -> None:
    """Serve requests until the host closes the pipe, or dies."""
    limits = json.loads(sys.argv[1])
    # Last in the path: whatever the host can import, but never instead of the stdlib.
    sys.path += [entry for entry in limits.pop("path") if entry not in sys.path]
    sys.setrecursionlimit(RECURSION)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The engine's own check of the stack needs a real one that is far larger.
    threading.stack_size(THREAD_STACK + limits["stack_bytes"])
    thread = threading.Thread(target=_serve, args=(limits,))
    thread.start()
    thread.join()


def _serve(limits: Reply) -> None:
    requests = sys.stdin.buffer
    # A stray print goes to stderr, which leads nowhere, and can't break a frame.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    evaluator = Evaluator(limits)
    # Imported before the clock of a request runs.
    with contextlib.suppress(ImportError):
        import quickjs  # noqa: F401
    _send(replies, b"")
    while (request := _receive(requests)) is not None:
        # For a host that died: only this stops code that never lets go of the GIL.
        faulthandler.dump_traceback_later(limits["wall_s"] + GRACE_S, exit=True)
        reply = evaluator.reply(request)
        faulthandler.cancel_dump_traceback_later()
        _send(replies, reply)


class Evaluator:
    """Answers requests; keeps nothing from one to the next."""

    def __init__(self, limits: Reply) -> None:
        self._limits = limits
        lines = Path(__file__).with_name("prelude.js").read_text("utf-8").splitlines()
        self._prelude = " ".join(n for n in lines if not n.lstrip().startswith("//"))
        self._verbs: dict[str, Callable[..., str | Reply]] = {
            "run": self._run,
            "compile": self._compile,
            "matches": _matches,
            "schema": _schema_error,
        }

    def reply(self, request: bytes) -> bytes:
        """Answer a request."""
        head, _, data = request.decode().partition("\n")
        verb, *arguments = json.loads(head)
        try:
            reply = self._verbs[verb](*arguments, data)
        except ImportError as error:
            subject, package = PACKAGES.get(error.name or "", ("a schema", error.name))
            reply = _error(MISSING.format(subject, package, sys.executable))
        except MemoryError:
            reply = _error("the evaluation ran out of memory")
        return (reply if isinstance(reply, str) else json.dumps(reply)).encode()

    def _run(self, logic: str, data: str) -> str | Reply:
        def call(context: Context) -> object:
            describe = context.eval(self._prelude)
            return describe(_declare(context, logic), data)

        found = self._evaluate(call)
        if not isinstance(found, str):
            found = json.dumps(found or {"kind": "memory"})
        # A value goes on unread: only the host needs it.
        return found if found.startswith('{"value":') else self._tell(found, logic)

    def _compile(self, logic: str, _: str) -> Reply:
        found = self._evaluate(lambda context: _declare(context, logic) and None)
        return self._tell(json.dumps(found), logic) if found else {"value": None}

    def _evaluate(self, use: Callable[[Context], object]) -> object:
        """Use a fresh context; a mapping that is returned says what went wrong."""
        import quickjs

        try:
            context = quickjs.Context()
            context.set_memory_limit(self._limits["memory_bytes"])
            context.set_time_limit(self._limits["cpu_s"])
            context.set_max_stack_size(self._limits["stack_bytes"])
            return use(context)
        except quickjs.JSException as error:
            return _explain(str(error)[:2000])
        except ValueError:  # UnicodeError is one.
            detail = "it holds a NUL character or half a surrogate pair"
            return {"kind": "compile", "detail": detail, "stack": ""}

    def _tell(self, found: str, logic: str) -> Reply:
        return Failure(json.loads(found), logic.count("\n") + 1).tell(self._limits)


def _declare(context: Context, logic: str) -> object:
    """Define the function with this body; runs none of it.

    A body that closes its function early can go on as a program does or as an object
    literal does, but nothing is both: what passes as both is one function body.
    """
    _parse(context, f"throw 0;function {SIGNATURE} {{\n{logic}\n}}")
    _parse(context, f"throw 0;({{{SIGNATURE} {{\n{logic}\n}}}})")
    # The declaration has taken place before the throw.
    found: object = context.eval("logic")
    return found


def _parse(context: Context, code: str) -> None:
    import quickjs

    try:
        context.eval(code)
    except quickjs.JSException as error:
        if not str(error).startswith("0\n"):
            raise


def _explain(text: str) -> Reply:
    """Name what the engine threw; what the logic throws is caught in the prelude."""
    name, _, rest = text.partition(": ")
    detail, _, stack = rest.partition("\n")
    if text.startswith(INTERRUPTED):
        return {"kind": "time"}
    if text.startswith(OUT_OF_MEMORY):
        return {"kind": "memory"}
    kind = "compile" if name == "SyntaxError" else "error"
    return {"kind": kind, "name": name, "detail": detail, "stack": stack}


class Failure:
    """Puts into words what went wrong in logic of so many lines."""

    def __init__(self, found: Reply, lines: int) -> None:
        self._found = found
        self._lines = lines

    def tell(self, limits: Reply) -> Reply:
        """Give the reply."""
        kind, detail = self._found["kind"], self._found.get("detail")
        if kind == "refused":
            return _error(self._refused())
        if kind in ("error", "compile") and detail != "out of memory":
            return self._thrown(kind)
        used = f"{limits['cpu_s']:g} s of CPU time"
        size = f"{limits['memory_bytes'] / 2**20:g} MB of memory"
        messages = {
            "time": f"used more than {used} (endless loop?)",
            "null": "threw null, or ran out of memory",
            "thrown": f"threw {detail}",
        }
        return _error(f"logic {messages.get(kind, f'needed more than {size}')}")

    def _thrown(self, kind: str) -> Reply:
        detail, stack = self._found["detail"], self._found["stack"]
        if detail in TOO_DEEP:
            return _error("logic recursed too deeply", self._frame(stack))
        if kind == "compile":
            detail = detail.replace("''", "end (is a '}' missing?)")
            found = PLACE.search(stack)
            line = found and min(max(int(found[1]) - 1, 1), self._lines)
            place = f"line {line}: " if line else ""
            return _error(f"logic does not compile: {place}{detail}", line)
        line = self._frame(stack)
        place = f" at line {line}" if line else ""
        what = ": ".join(filter(None, (self._found["name"], detail)))
        reply = _error(f"logic failed{place}: {what}", line)
        return {**reply, "by_engine": detail == "not a function"}

    def _refused(self) -> str:
        what, path = self._found["what"], _path(self._found["path"])
        if what == "undefined":
            return "logic returned undefined (is a 'return' missing?)"
        if what == "[object Promise]":
            return "logic returned a Promise; async code is not supported"
        if what.startswith("[object "):
            what = what[len("[object ") : -1]
            what = f"an {what}" if what[:1] in "AEIO" else f"a {what}"
        place = f" at {path}" if path != "$" else ""
        what = f"{NAMES.get(what, what)}{place}"
        return f"logic returned {what}; only JSON values are allowed"

    def _frame(self, stack: str) -> int | None:
        """Find the innermost line of the logic; line 1 is the wrapper's."""
        for function, number in FRAME.findall(stack):
            line = int(number) - 1
            # Not where an error of the logic's own class was constructed.
            if 1 <= line <= self._lines and function != self._found.get("maker"):
                return line
        return None


def _path(keys: list[str | int]) -> str:
    path = "$"
    for key in keys:
        if isinstance(key, str) and PLAIN_KEY.fullmatch(key):
            path += f".{key}"
        else:
            path += f"[{json.dumps(key)}]"
    return path if len(path) <= 60 else f"{path[:40]}...{path[-17:]}"


def _error(message: str, line: int | None = None) -> Reply:
    return {"error": message, "line": line, "by_engine": False}


def _matches(pattern: str, text: str, ignore_case: bool, _: str) -> Reply:
    try:
        compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except (re.error, RecursionError, OverflowError) as error:
        return _error(f"pattern does not compile: {error}")
    return {"value": compiled.fullmatch(text) is not None}


def _schema_error(schema: Any, value: Any, _: str) -> Reply:  # noqa: ANN401
    import jsonschema
    import referencing.exceptions

    validator = jsonschema.Draft202012Validator
    try:
        validator.check_schema(schema)
        # A registry of its own: the default one would fetch what a $ref names.
        bound = validator(schema, registry=referencing.Registry())
        error = jsonschema.exceptions.best_match(bound.iter_errors(value))
    except jsonschema.SchemaError as broken:
        return _error(f"schema is invalid at {broken.json_path}: {broken.message}")
    except referencing.exceptions.Unresolvable as lost:
        return _error(f"schema names a $ref that leads nowhere: {lost.ref!r}")
    except RecursionError:
        return _error("schema recurses without end")
    except (re.error, ValueError, TypeError, OverflowError) as broken:
        return _error(f"schema is invalid: {broken}")
    return {"value": error and f"{error.json_path}: {error.message}"}


def _receive(pipe: BinaryIO) -> bytes | None:
    head = pipe.read(4)
    return pipe.read(int.from_bytes(head, "big")) if len(head) == 4 else None


def _send(pipe: BinaryIO, frame: bytes) -> None:
    with contextlib.suppress(OSError):  # The host is gone; the next read tells.
        pipe.write(len(frame).to_bytes(4, "big") + frame)
        pipe.flush()


if __name__ == "__main__":
    main()

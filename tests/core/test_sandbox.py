from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_evalmd.logic.sandbox import Limits, LogicError, Sandbox

LIMITS = Limits(cpu_s=0.3, wall_s=0.8, memory_bytes=8 * 2**20)
PATIENT = Limits(cpu_s=10.0, wall_s=30.0, memory_bytes=8 * 2**20)


@pytest.fixture(scope="module")
def sandbox():
    """For what ends by itself; never killed, however slow the machine."""
    found = Sandbox(PATIENT)
    yield found
    found.close()


@pytest.fixture(scope="module")
def strict():
    found = Sandbox(LIMITS)
    yield found
    found.close()


def run(sandbox, logic, input=None):
    return sandbox.run(logic, input=input, params={"p": 1}, answer="A", query="Q")


def failure(sandbox, logic, input=None):
    with pytest.raises(LogicError) as caught:
        run(sandbox, logic, input)
    message = str(caught.value)
    assert len(message) <= 500
    assert message.isprintable()
    return message, caught.value.line


VALUES = {
    "return [input, params, answer, query];": [None, {"p": 1}, "A", "Q"],
    "return 6 / 2 // a comment": 3,
    "return -0": 0,
    "return 0.1 + 0.2": 0.1 + 0.2,
    "return 2 ** 53": 2**53,
    "return 5.687625646438006e16": int(5.687625646438006e16),
    "return 1e21": 1e21,
    "return 'a'.repeat(1e5) + 'b'": "a" * 100_000 + "b",
    "return 'a\\0\\ud800'": "a\0\ud800",
    "return [undefined, , {a: undefined, b: null}]": [None, None, {"b": None}],
    "return new Date(0)": "1970-01-01T00:00:00.000Z",
    "return {toJSON() { return {a: 1} }}": {"a": 1},
    "class P { constructor() { this.x = 1 } }\nreturn new P": {"x": 1},
    "return new Proxy([1], {})": [1],
    "const o = Object.create(null); o.__proto__ = 1; return o": {"__proto__": 1},
    "console.log(1); console.error({}); return 1": 1,
    "'use strict'; return this === undefined": True,
    "function f() { return 1 } var f; return typeof f": "function",
    "return Function('return 1')() + eval('1')": 2,
    "return [typeof require, typeof fetch, typeof std, typeof os]": ["undefined"] * 4,
    "return [typeof process, typeof print, typeof scriptArgs]": ["undefined"] * 3,
    "import('/etc/passwd').then(m => m); return 1": 1,
    "Object.prototype.toJSON = () => 7; return 1": 1,
    "Object.defineProperty(Array.prototype, 0, {set() {}}); return [5]": [5],
    "JSON.stringify = () => '8'; Object.keys = 1; return {a: [1]}": {"a": [1]},
}


@pytest.mark.parametrize("logic", VALUES)
def test_value(sandbox, logic):
    sandbox.compile(logic)
    found = run(sandbox, logic)
    assert found == VALUES[logic]
    assert type(found) is type(VALUES[logic])


NOT_JSON = "; only JSON values are allowed"
NOT_CLOSED = "unexpected token in expression: end (is a '}' missing?)"
NULL_X = "TypeError: cannot read property 'x' of null"
NOT_TEXT = "does not compile: it holds a NUL character or half a surrogate pair"
CIRCLE = f"a value nested deeper than 200 levels, or circular, at ${'.a' * 19}...."
ERRORS = {
    "null.x": f"failed at line 1: {NULL_X}",
    "\n\nthrow new Error('a\\n\\x1b[1mb')": r"failed at line 3: Error: a \x1b[1mb",
    "const f = () => {\n null.x }\n\nf()": f"failed at line 2: {NULL_X}",
    "class E extends Error {\n name = 'E' }\nthrow new E": "failed at line 3: E",
    "class E extends Error {}\n\nthrow new E('m')": "failed at line 3: Error: m",
    "eval('\\n\\n\\n\\nnull.x')": f"failed at line 1: {NULL_X}",
    "throw 'oops'": 'threw "oops"',
    "throw {a: [1]}": 'threw {"a":[1]}',
    "throw null": "threw null, or ran out of memory",
    "throw {toString() { while (1); }}": "threw [object Object]",
    "throw {get a() { throw 1 }}": "threw [object Object]",
    "1": "returned undefined (is a 'return' missing?)",
    "return {a: [1, NaN]}": f"returned NaN at $.a[1]{NOT_JSON}",
    "return {'a b': -Infinity}": f'returned -Infinity at $["a b"]{NOT_JSON}',
    "return () => 1": f"returned a function{NOT_JSON}",
    "return [{m: new Map}]": f"returned a Map at $[0].m{NOT_JSON}",
    "return new Set": f"returned a Set{NOT_JSON}",
    "return /a/": f"returned a RegExp{NOT_JSON}",
    "return new TypeError": f"returned an Error{NOT_JSON}",
    "return new Number(1)": f"returned a Number{NOT_JSON}",
    "return Symbol()": f"returned a Symbol{NOT_JSON}",
    "return 1n": f"returned a BigInt{NOT_JSON}",
    "return new Date(NaN)": f"returned an Invalid Date{NOT_JSON}",
    "return (function* () {})()": f"returned a Generator{NOT_JSON}",
    "return (async () => 1)()": "returned a Promise; async code is not supported",
    "const a = {}; a.a = a; return a": f"returned {CIRCLE}{'a.' * 8}a{NOT_JSON}",
    "a b": "does not compile: line 1: expecting ';'",
    "\nif (1) {": f"does not compile: line 2: {NOT_CLOSED}",
    "while (1) {": f"does not compile: line 1: {NOT_CLOSED}",
    "a\0": NOT_TEXT,
    "\ud800": NOT_TEXT,
}


@pytest.mark.parametrize("logic", ERRORS)
def test_error(sandbox, logic):
    message, line = failure(sandbox, logic)
    assert message == f"logic {ERRORS[logic]}"
    told = re.search(r"line (\d)", message)
    assert line == (told and int(told[1]))


@pytest.mark.parametrize(
    "logic",
    [
        "return 1 }), (function () { return 2",
        "return 1 }, function () { return 2",
        "return 1 } + function () { return 2",
        "} function g() {",
        "}}, {g() {",
        "}}); ({g() {",
        "} while (1); {",
        "if (1) {\n}}",
        "let input",
        "return super.x",
    ],
)
def test_only_one_function_body_compiles(sandbox, logic):
    with pytest.raises(LogicError, match=r"^logic does not compile: line [12]: "):
        sandbox.compile(logic)
    assert failure(sandbox, logic)[0].startswith("logic does not compile: line ")


def test_cpu_time_is_limited():
    found = Sandbox(Limits(cpu_s=0.2, wall_s=60.0))
    assert failure(found, "while (1);")[0] == TIME.replace("0.3", "0.2")
    assert run(found, "return 1") == 1
    found.close()


def test_compile_runs_nothing(strict):
    strict.compile("while (1);")


def test_engine_is_named(sandbox):
    message, line = failure(sandbox, "\n[].foo()")
    start = "logic failed at line 2: TypeError: not a function (quickjs"
    assert message.startswith(start)
    assert line == 2


TIME = "logic used more than 0.3 s of CPU time (endless loop?)"
WALL = "logic did not finish within 0.8 s and was stopped by killing quickjs"
MEMORY = "logic needed more than 8 MB of memory"
DEEP = "logic recursed too deeply"
DIED = "quickjs"
HOSTILE = {
    "while (1);": TIME,
    "for (;;) { try { while (1); } finally { continue } }": TIME,
    "return (function* () { while (1); })().next()": TIME,
    "return {toJSON() { while (1); }}": TIME,
    "return {get a() { while (1); }}": TIME,
    "return new Proxy({}, {ownKeys() { while (1); }})": TIME,
    "return /(a+)+$/.test('a'.repeat(40) + 'b')": (TIME, WALL),
    "Array.prototype.reverse.call({length: 2**53 - 1})": WALL,
    "Error.prototype.toString = () => { while (1); }; while (1);": WALL,
    "const a = []; for (;;) a.push(new Uint8Array(1e5))": (MEMORY, "logic threw null"),
    "return 'x'.repeat(2 ** 28)": (MEMORY, "logic threw null"),
    "const a = []; a.length = 1e9; return a": (MEMORY, TIME, "logic threw null"),
    "(function f() { f() })()": DEEP,
    "return logic()": DEEP,
    "(" * 100_000: DEEP,
    "let a = []; for (let i = 0; i < 1e4; i++) a = [a]; return a": "logic returned a",
    "let a = []; for (let i = 0; i < 3e4; i++) a = [a]; return JSON.stringify(a)": (
        *(DEEP, WALL, TIME, MEMORY),
        DIED,
    ),
    "throw new Proxy({}, {getPrototypeOf() { while (1); }})": TIME,
    "[Array, Object, Map].forEach(c => { for (const k of "
    "Object.getOwnPropertyNames(c.prototype)) try { c.prototype[k] = 0 } catch {} });"
    "globalThis.JSON = globalThis.leak = 1; while (1);": TIME,
}


@pytest.mark.parametrize("logic", HOSTILE, ids=lambda logic: logic[:40])
def test_hostile(strict, logic):
    started = time.monotonic()
    message, _ = failure(strict, logic)
    assert time.monotonic() - started < LIMITS.wall_s + 2
    expected = HOSTILE[logic]
    # On a busy machine, the CPU time may not be used up before the wall is hit.
    assert message.startswith(
        (WALL, *([expected] if isinstance(expected, str) else expected))
    )
    assert run(strict, "return [typeof leak, ...[1].map(x => x + 1)]") == [
        "undefined",
        2,
    ]


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 10**400 + 1])
def test_inexact_input(sandbox, number):
    message, _ = failure(sandbox, "return 1", {"a": ["1234567890123456", number]})
    assert message.startswith(f"input holds {str(number)[:400]}")
    assert len(message) == 500 or message.endswith("JavaScript can't represent exactly")


def test_exact_input(sandbox):
    assert run(sandbox, "return input", [10**20, 1e300]) == [10**20, 1e300]
    assert failure(sandbox, "", float("nan"))[0].startswith("input is not JSON")


exact = st.integers(-(2**53), 2**53)
texts = st.text(st.characters(codec=None, exclude_categories=())) | st.sampled_from(
    ["__proto__", "toJSON", "length", "\0", "\ud800", "\udc00\ud800", "\u2028"]
)
scalars = (
    st.none() | st.booleans() | exact | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


@pytest.mark.parametrize("wrap", [lambda v: [[v]], lambda v: [{"a": v}]])
def test_deep_input_comes_back(sandbox, wrap):
    value = 1
    for _ in range(100):
        value = wrap(value)
    assert run(sandbox, "return input", value) == value
    assert "input is not JSON: nested deeper" in failure(sandbox, "", [value])[0]
    assert "deeper than 200 levels" in failure(sandbox, "return [input]", value)[0]


@settings(deadline=None, max_examples=60)
@given(values)
def test_input_comes_back(sandbox, value):
    def joined(v):  # JavaScript can't tell a pair of halves from the character.
        if isinstance(v, str):
            return v.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if isinstance(v, list):
            return [joined(inner) for inner in v]
        return (
            {joined(k): joined(w) for k, w in v.items()} if v.__class__ is dict else v
        )

    assert run(sandbox, "return input", value) == joined(value)


@settings(deadline=None, max_examples=60)
@given(texts)
def test_any_text_is_a_value_or_an_error(sandbox, logic):
    message = ""
    try:
        run(sandbox, logic)
    except LogicError as error:
        message = str(error)
    assert message.isprintable()

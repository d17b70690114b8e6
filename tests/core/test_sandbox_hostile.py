"""Logic that means harm: a clear error within the limits, and the next measure unharmed.

What a single evaluation may do by mistake is in test_sandbox.py.
"""

from __future__ import annotations

import time

import pytest

from pytest_evalmd.logic.sandbox import Limits, LogicError, Sandbox

LIMITS = Limits(cpu_s=0.3, wall_s=0.8, memory_bytes=8 * 2**20)
TIME = "logic used more than 0.3 s of CPU time (endless loop?)"
WALL = "logic did not finish within 0.8 s and was stopped"
MEMORY = "logic needed more than 8 MB of memory"
THREW_NULL = "logic threw null, or ran out of memory"
DEEP = "logic recursed too deeply"
SPENT = (TIME, WALL, MEMORY, THREW_NULL, DEEP)
"""Where the engine's version and the machine's load decide which limit comes first."""
REFUSED = "logic returned "
JSON_ONLY = "only JSON values are allowed"

CANARY = """
const made = [1, [2]].map(x => x);
return {
  made,
  text: JSON.stringify({a: [1, {b: 'c'}]}),
  parsed: JSON.parse('{"a": [1]}'),
  own: Object.keys({a: 1}),
  inherited: (() => { const found = []; for (const k in {}) found.push(k); return found; })(),
  array: (() => { const found = []; for (const k in []) found.push(k); return found; })(),
  regex: /^a+$/.test('aaa'),
  sorted: [3, 1, 2].sort(),
  input, params, answer, query,
  number: Number('1.5') + Math.max(1, 2),
  error: (() => { try { null.x } catch (e) { return e instanceof TypeError; } })(),
  leaks: Object.getOwnPropertyNames(globalThis).filter(k => /leak|evil/.test(k)),
  date: new Date(0).toISOString(),
};
"""
UNHARMED = {
    "made": [1, [2]],
    "text": '{"a":[1,{"b":"c"}]}',
    "parsed": {"a": [1]},
    "own": ["a"],
    "inherited": [],
    "array": [],
    "regex": True,
    "sorted": [1, 2, 3],
    "input": {"in": [1]},
    "params": {"p": 1},
    "answer": "A",
    "query": "Q",
    "number": 3.5,
    "error": True,
    "leaks": [],
    "date": "1970-01-01T00:00:00.000Z",
}


@pytest.fixture(scope="module")
def patient():
    """For what ends by itself; never killed, however slow the machine."""
    found = Sandbox(Limits(cpu_s=10.0, wall_s=30.0, memory_bytes=8 * 2**20))
    yield found
    found.close()


@pytest.fixture(scope="module")
def strict():
    found = Sandbox(LIMITS)
    yield found
    found.close()


def run(sandbox, logic):
    return sandbox.run(logic, input={"in": [1]}, params={"p": 1}, answer="A", query="Q")


def assert_next_is_unharmed(sandbox):
    assert run(sandbox, CANARY) == UNHARMED


def assert_refused(sandbox, logic, *starts):
    started = time.monotonic()
    with pytest.raises(LogicError) as caught:
        run(sandbox, logic)
    assert time.monotonic() - started < LIMITS.wall_s + 2
    message = str(caught.value)
    assert message.startswith(starts), message
    assert len(message) <= 500
    assert message.isprintable()
    assert_next_is_unharmed(sandbox)


HARMLESS = {
    "a prototype": ("Object.prototype.evil = 1; return ({}).evil", 1),
    "__proto__": ("({}).__proto__.evil = [].__proto__.evil = 2; return [].evil", 2),
    "constructor.prototype": ("''.constructor.prototype.evil = 3; return ''.evil", 3),
    "by JSON": (
        'const o = JSON.parse(\'{"__proto__": {"evil": 1}}\');'
        "return [({}).evil === undefined, Object.keys(o)]",
        [True, ["__proto__"]],
    ),
    "input's prototype": ("input.__proto__.evil = 4; return params.evil", 4),
    "a global": ("globalThis.evil = 5; leak = 6; return evil + leak", 11),
    "undefined": ("var undefined = 1; return undefined", 1),
    "JSON replaced": ("JSON = {stringify: () => 'evil'}; return [1]", [1]),
    "JSON.parse replaced": ("JSON.parse = () => 'evil'; return input", {"in": [1]}),
    "Array replaced": ("Array = Object = String = Error = null; return [1]", [1]),
    "Reflect replaced": ("Reflect.apply = () => 'evil'; return {a: 1}", {"a": 1}),
    "toString replaced": (
        "Object.prototype.toString = () => '[object Map]'; return {a: 1}",
        {"a": 1},
    ),
    "isArray replaced": ("Array.isArray = () => true; return {a: 1}", {"a": 1}),
    "keys with an index": (
        "Object.defineProperty(Object.prototype, '0', {get() { return 'evil'; },"
        " set() {}}); return [[], {a: 1}]",
        [[], {"a": 1}],
    ),
    "value's setter": (
        "Object.defineProperty(Object.prototype, 'value', {set() {}}); return 1",
        1,
    ),
    "kind's getter": (
        "Object.defineProperty(Object.prototype, 'kind', {get: () => 'memory'});"
        "return 1",
        1,
    ),
    "iterators broken": (
        "Array.prototype[Symbol.iterator] = () => { throw 1 }; return [1, {a: 2}]",
        [1, {"a": 2}],
    ),
    "logic replaced": ("logic = () => 'evil'; return 1", 1),
    "arguments": ("arguments[0] = 'evil'; return arguments.length", 4),
    "this": ("return typeof this", "object"),
    "console kept quiet": ("console.log('evil'.repeat(1e6)); return 1", 1),
    "a getter": ("return {get a() { return 1; }}", {"a": 1}),
    "a getter that differs": (
        "let n = 0; return {get a() { return n++ ? 'evil' : 1; }}",
        {"a": 1},
    ),
    "a Proxy of an object": ("return new Proxy({a: 1}, {})", {"a": 1}),
    "toPrimitive": ("return {[Symbol.toPrimitive]: () => { throw 1 }, a: 1}", {"a": 1}),
    "toStringTag": ("return {[Symbol.toStringTag]: 'Object', a: 1}", {"a": 1}),
    "an own toJSON": ("return {toJSON: () => ({a: 1})}", {"a": 1}),
    "a job left behind": (
        "Promise.resolve().then(() => { for (;;); }); return 1",
        1,
    ),
    "a module left behind": ("import('std').catch(() => 0); return 1", 1),
    "frozen globals": (
        "Object.freeze(Object.prototype); Object.freeze(globalThis); return 1",
        1,
    ),
    "a WeakRef": (
        "new FinalizationRegistry(() => { for (;;); }).register({}); return 1",
        1,
    ),
}


ENGINE_LACKS = (
    "ReferenceError: 'FinalizationRegistry' is not defined",
    "ReferenceError: FinalizationRegistry is not defined",
)
MAY_LACK = ("a WeakRef",)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_stays_in_its_own_evaluation(patient, name):
    logic, expected = HARMLESS[name]
    try:
        found = run(patient, logic)
    except LogicError as error:
        found = str(error)
    lacks = [f"logic failed at line 1: {why}" for why in ENGINE_LACKS]
    assert found == expected or (name in MAY_LACK and found in lacks)
    assert_next_is_unharmed(patient)


ERRORS = {
    "Function": ("return Function('return process')()", "logic failed"),
    "constructor": ("return (() => {}).constructor('return os')()", "logic failed"),
    "constructor of constructor": (
        "return this.constructor.constructor('return require')()('fs')",
        "logic failed",
    ),
    "generator's constructor": (
        "return Object.getPrototypeOf(function* () {}).constructor('yield std')().next()",
        "logic failed",
    ),
    "async constructor": (
        "return Object.getPrototypeOf(async () => {}).constructor('await os')()",
        "logic returned a Promise; async code is not supported",
    ),
    "indirect eval": ("return (0, eval)('require(\"os\")')", "logic failed"),
    "require": ("return require('fs')", "logic failed at line 1: ReferenceError"),
    "std": ("return std.getenv('PATH')", "logic failed at line 1: ReferenceError"),
    "os": ("return os.exec(['ls'])", "logic failed at line 1: ReferenceError"),
    "bjson": ("return bjson.read(0)", "logic failed at line 1: ReferenceError"),
    "process": ("return process.env", "logic failed at line 1: ReferenceError"),
    "scriptArgs": ("return scriptArgs", "logic failed at line 1: ReferenceError"),
    "fetch": (
        "return fetch('http://127.0.0.1')",
        "logic failed at line 1: ReferenceError",
    ),
    "print": ("print('evil')", "logic failed at line 1: ReferenceError"),
    "Worker": ("return new Worker('x')", "logic failed at line 1: ReferenceError"),
    "setTimeout": ("setTimeout(() => 1, 0)", "logic failed at line 1: ReferenceError"),
    "import statement": ("import os from 'os'", "logic does not compile"),
    "export": ("export default 1", "logic does not compile"),
    "await": ("await 1", "logic does not compile"),
    "yield": ("'use strict'; yield 1", "logic does not compile"),
    "import()": ("return import('os')", "logic returned a Promise"),
    "import.meta": ("return import.meta", "logic does not compile"),
    "toJSON of toJSON": (
        "return {toJSON: () => ({toJSON: () => 1})}",
        "logic returned a function at $.toJSON",
    ),
    "undefined": ("return", "logic returned undefined (is a 'return' missing?)"),
    "void": ("return void 0", "logic returned undefined"),
    "a function": ("return function evil() {}", "logic returned a function"),
    "a class": ("return class {}", "logic returned a function"),
    "a symbol": ("return Symbol.iterator", "logic returned a Symbol"),
    "a symbol within": ("return [{a: Symbol()}]", "logic returned a Symbol at $[0].a"),
    "a BigInt": ("return [10n ** 50n]", "logic returned a BigInt at $[0]"),
    "BigInt's toJSON": (
        "BigInt.prototype.toJSON = () => 1; return 1n",
        "logic returned a BigInt",
    ),
    "a generator": (
        "return (function* () { yield 1 })()",
        "logic returned a Generator",
    ),
    "an async generator": (
        "return (async function* () {})()",
        "logic returned an AsyncGenerator",
    ),
    "a promise within": ("return [Promise.resolve(1)]", "logic returned a Promise"),
    "a promise that fails": ("return Promise.reject(1)", "logic returned a Promise"),
    "a thenable": ("return {then() {}}", "logic returned a function at $.then"),
    "a cycle": ("const a = []; a.push(a); return a", "logic returned a value nested"),
    "a cycle of two": (
        "const a = {}, b = {a}; a.b = b; return a",
        "logic returned a value nested",
    ),
    "toJSON without end": (
        "const f = () => ({a: {toJSON: f}}); return {toJSON: f}",
        "logic returned a value nested",
    ),
    "a getter without end": (
        "class A { get a() { return new A } } return {a: {get a() { return this }}}",
        "logic returned a value nested",
    ),
    "a typed array": ("return new Uint8Array(1)", "logic returned a Uint8Array"),
    "a buffer": ("return new ArrayBuffer(8)", "logic returned an ArrayBuffer"),
    "arguments": ("return arguments", "logic returned an Arguments"),
    "globalThis": ("return {a: globalThis}", REFUSED),
    "a tag that lies": (
        "return {get [Symbol.toStringTag]() { return 'x'.repeat(1e5) }}",
        "logic returned a xxx",
    ),
    "toJSON that throws": (
        "return {toJSON() { throw new Error('E') }}",
        "logic failed",
    ),
    "a getter that throws": ("return {get a() { throw null }}", THREW_NULL),
    "a Proxy that throws": (
        "return new Proxy({}, {get() { throw new TypeError('T') }})",
        "logic failed",
    ),
    "a Proxy that is revoked": (
        "const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy",
        ("logic failed", REFUSED, "logic threw"),
    ),
    "throwing a Proxy": (
        "throw new Proxy(new Error, {get() { throw 1 }})",
        ("logic threw", "logic failed"),
    ),
    "an error that lies": (
        "const e = new Error('x'); Object.defineProperty(e, 'message',"
        " {get() { return 'Traceback\\n\\x1b[31m'.repeat(1e4) }}); throw e",
        "logic failed",
    ),
    "an error of the engine's name": (
        "const e = new Error('out of memory'); e.name = 'InternalError'; throw e",
        ("logic failed", MEMORY),
    ),
    "a forged refusal": (
        "throw {what: 'undefined', path: ['x'], kind: 'refused'}",
        'logic threw {"what":"undefined"',
    ),
    "instanceof hijacked": (
        "Object.defineProperty(Error, Symbol.hasInstance, {value: () => true}); throw 1",
        ("logic failed", "logic threw"),
    ),
    "stack replaced": (
        "Error.prepareStackTrace = () => { throw 1 }; null.x",
        ("logic failed", "logic threw"),
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_no_value(patient, name):
    logic, starts = ERRORS[name]
    assert_refused(patient, logic, *([starts] if isinstance(starts, str) else starts))


GREEDY = {
    "a loop in what is thrown": "throw {get name() { for (;;); }}",
    "a loop": "for (;;);",
    "a loop that catches": "for (;;) try { for (;;); } catch {} finally { continue }",
    "a loop in a getter": "return {get a() { for (;;); }}",
    "a loop in toJSON": "return [{toJSON() { for (;;); }}]",
    "a loop in toPrimitive": "return 1 + {[Symbol.toPrimitive]() { for (;;); }}",
    "a loop in valueOf": "return +{valueOf() { for (;;); }}",
    "a loop in a tag": "return {get [Symbol.toStringTag]() { for (;;); }}",
    "a loop in a sort": "return [3, 2, 1].sort(() => { for (;;); })",
    "a loop in a Proxy": "return new Proxy([], {get() { for (;;); }})",
    "a Proxy of endless keys": (
        "return new Proxy({}, {ownKeys: () => Array.from({length: 1e6}, (_, i) => 'k' + i),"
        " getOwnPropertyDescriptor: () => ({value: 1, enumerable: true, configurable: true})})"
    ),
    "a Proxy of an endless array": (
        "return new Proxy([], {get: (t, k) => k === 'length' ? 2 ** 32 : 1})"
    ),
    "a generator without end": "return [...(function* () { for (;;) yield 1 })()]",
    "an iterator without end": (
        "return Array.from({[Symbol.iterator]: () => ({next: () => ({value: 1})})})"
    ),
    "regex (a+)+": "return /^(a+)+$/.test('a'.repeat(50) + '!')",
    "regex (a|aa)+": "return /^(a|aa)+$/.test('a'.repeat(60) + '!')",
    "regex (.*)*x": "return /(.*)*x/.test('a'.repeat(500))",
    "a huge array": "return new Array(2 ** 32 - 1).fill(0)",
    "a sparse array": "const a = []; a[2 ** 32 - 2] = 1; return a",
    "growing arrays": "const a = []; for (;;) a.push(a.concat(a).concat([1]))",
    "growing text": "let s = 'x'; for (;;) s += s",
    "text by join": "return Array(2 ** 24).join('xxxxxxxx')",
    "text by padding": "return 'x'.padEnd(2 ** 29, 'abc')",
    "a growing map": "const m = new Map; for (let i = 0; ; i++) m.set(i, 'x'.repeat(i))",
    "closures": "let f = () => 1; for (;;) { const g = f; f = () => g }",
    "big buffers": "const a = []; for (;;) a.push(new ArrayBuffer(1e6))",
    "BigInt": "let n = 3n; for (;;) n = n ** 3n",
    "symbols": "const a = []; for (;;) a.push(Symbol('x'.repeat(1e4)))",
    "promises": "const f = () => Promise.resolve().then(f); for (;;) f()",
    "recursion": "const f = n => f(n + 1) + 1; return f(0)",
    "recursion in a getter": "const o = {get a() { return this.a }}; return o.a",
    "recursion in a Proxy": "const p = new Proxy({}, {get: (t, k, r) => r[k]}); return p.a",
    "recursion in toString": "const o = {toString() { return '' + o }}; return '' + o",
    "recursion by eval": "const f = s => eval('f(s)'); return f(1)",
    "recursion by apply": "function f() { f.apply(this, arguments) } f(); return 1",
    "recursion in a regex": "return new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('')",
    "recursion in JSON.parse": "return JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))",
    "nesting code": "return eval('['.repeat(1e5) + ']'.repeat(1e5))",
    "many arguments": "return Math.max(...new Array(1e7).fill(1))",
    "apply with a length": "return Math.max.apply(null, {length: 1e9})",
    "holes": "return Array.prototype.indexOf.call({length: 2 ** 53 - 1}, 1)",
    "Atomics.wait": (
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0); for (;;);"
    ),
    "nothing left to report with": (
        "for (const o of [Error, TypeError, RangeError]) o.prototype.toString = null;"
        " globalThis.Error = globalThis.JSON = null; for (;;);"
    ),
}
DIED = "quickjs"
"""The engine itself crashed: the message names it, and a new process takes over."""
OTHER = {
    "a loop in what is thrown": ("logic threw",),
    # What an engine refuses by itself.
    "a huge array": ("logic failed", "logic returned"),
    "a sparse array": ("logic failed", "logic returned"),
    "text by join": ("logic failed",),
    "text by padding": ("logic failed",),
    "growing text": ("logic failed",),
    "BigInt": ("logic failed",),
    "recursion in a regex": ("logic failed",),
    "nesting code": ("logic failed", REFUSED),
    "recursion in JSON.parse": ("logic failed", REFUSED),
    "many arguments": ("logic failed",),
    "apply with a length": ("logic failed",),
    "Atomics.wait": ("logic failed",),
    "a Proxy of an endless array": ("logic failed", REFUSED),
}


@pytest.mark.parametrize("name", GREEDY)
def test_what_takes_too_much(strict, name):
    assert_refused(strict, GREEDY[name], *SPENT, DIED, *OTHER.get(name, ()))


def test_stdout_is_not_theirs(patient):
    """A frame can't be forged: the engine has no way to write at all."""
    logic = "console.log('\\0\\0\\0\\x05evil!'); console.error('x'); return 'mine'"
    assert run(patient, logic) == "mine"
    assert_next_is_unharmed(patient)


def test_memory_does_not_grow_from_one_to_the_next():
    sandbox = Sandbox(Limits(cpu_s=5.0, wall_s=20.0, memory_bytes=8 * 2**20))
    keep = "globalThis.leak = 'x'.repeat(4e6); leak2 = [leak]; return leak.length"
    for _ in range(40):
        assert run(sandbox, keep) == 4_000_000
    assert_next_is_unharmed(sandbox)
    sandbox.close()


def test_many_hostile_ones_in_a_row(strict):
    for logic in ("for (;;);", "(function f() { f() })()", "throw null") * 2:
        with pytest.raises(LogicError):
            run(strict, logic)
    assert_next_is_unharmed(strict)

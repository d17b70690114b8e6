// Calls the logic and describes what came of it, as JSON text. The lines are joined
// into one, so that frames of this file never look like lines of the logic.
// It is evaluated first: what it captures here, the logic can no longer replace.
(() => {
  "use strict";
  const { parse, stringify } = JSON;
  const { apply } = Reflect;
  const { create, keys, setPrototypeOf, prototype } = Object;
  const tagOf = prototype.toString;
  const isArray = Array.isArray;
  const finite = Number.isFinite;
  const slice = String.prototype.slice;
  const text = String;
  const AnyError = Error;

  const never = { __proto__: null, function: 1, symbol: 1, bigint: 1 };

  const silent = create(null);
  ["assert", "debug", "error", "info", "log", "table", "trace", "warn"].forEach(
    (name) => { silent[name] = () => undefined; }
  );
  globalThis.console = silent;

  // Without a prototype no setter and no toJSON of the logic's making gets in between.
  const list = () => setPrototypeOf([], null);
  const trail = list();

  function Refused(depth, what) {
    trail.length = depth;
    this.what = what;
  }

  function plain(value, depth) {
    const own = typeof value === "object" && value !== null ? value.toJSON : null;
    const found = typeof own === "function" ? apply(own, value, []) : value;
    if (typeof found === "number" && !finite(found)) throw new Refused(depth, text(found));
    if (typeof found === "object" && found !== null) {
      const tag = isArray(found) ? "" : apply(tagOf, found, []);
      if (tag && tag !== "[object Object]") throw new Refused(depth, tag);
    } else if (found === null && value !== null) {
      const tag = apply(tagOf, value, []);
      if (tag === "[object Date]") throw new Refused(depth, "[object Invalid Date]");
    } else if (typeof found in never) {
      throw new Refused(depth, typeof found);
    }
    return found;
  }

  // One frame a level: three of them overflow the stack of 1 MiB at 200 levels.
  function copy(value, depth) {
    if (depth > 200) throw new Refused(depth, "depth");
    const found = plain(value, depth);
    if (typeof found !== "object" || found === null) return found;
    const array = isArray(found);
    const names = array ? found : keys(found);
    const out = array ? list() : create(null);
    for (let i = 0, length = names.length; i < length; i++) {
      const name = trail[depth] = array ? i : names[i];
      const item = copy(found[name], depth + 1);
      if (item !== undefined || array) out[name] = item === undefined ? null : item;
    }
    return out;
  }

  function whole(value) {
    const result = copy(value, 0);
    if (result === undefined) throw new Refused(0, "undefined");
    return stringify({ __proto__: null, value: result });
  }

  const cut = (string) => apply(slice, string, [0, 2000]);

  function read(error, key) {
    try {
      const found = error[key];
      return typeof found === "string" ? cut(found) : "";
    } catch (_) {
      return "";
    }
  }

  function maker(error) {
    try {
      return read(error.constructor, "name");
    } catch (_) {
      return "";
    }
  }

  // Never asks a thrown value for its toString, which may be the logic's own.
  function show(thrown) {
    try {
      return cut(stringify(copy(thrown, 0)));
    } catch (_) {
      return typeof thrown === "object" ? apply(tagOf, thrown, []) : typeof thrown;
    }
  }

  function describe(thrown) {
    if (thrown instanceof Refused)
      return { __proto__: null, kind: "refused", what: cut(thrown.what), path: trail };
    if (thrown === null) return { __proto__: null, kind: "null" };
    if (!(thrown instanceof AnyError))
      return { __proto__: null, kind: "thrown", detail: show(thrown) };
    return {
      __proto__: null, kind: "error", name: read(thrown, "name"),
      detail: read(thrown, "message"), stack: read(thrown, "stack"),
      maker: maker(thrown)
    };
  }

  return (logic, data) => {
    try {
      const given = parse(data);
      return whole(logic(given[0], given[1], given[2], given[3]));
    } catch (thrown) {
      return stringify(describe(thrown));
    }
  };
})()

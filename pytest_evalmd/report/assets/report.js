"use strict";
(() => {
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const one = (id) => document.getElementById(id);
  const template = (number) => one(`q${number}`).content;

  const tables = all("table.matrix").map((table) => ({
    box: table.parentElement,
    heads: all("thead th[data-c]", table),
    folders: all("tbody", table),
    rows: all("tr.row", table),
  }));
  const rows = tables.flatMap((table) =>
    table.rows.map((row) => ({
      row,
      question: Number(row.dataset.q),
      answer: Number(row.dataset.a),
      model: row.dataset.model,
      folder: row.parentElement.dataset.folder,
      tags: row.dataset.tags.split("\n"),
      open: row.querySelector("button"),
      cells: all("td[data-c]", row).map((cell, place) => ({
        cell,
        measure: table.heads[place].textContent,
        state: cell.dataset.s,
        why: cell.dataset.why,
      })),
    })),
  );
  const answersTo = new Map();
  for (const entry of rows)
    answersTo.set(entry.question, [...(answersTo.get(entry.question) || []), entry]);
  const nameOf = (number) => {
    const [entry] = answersTo.get(number) || [];
    return entry ? entry.open.textContent : "";
  };
  const search = one("search");
  const states = all("[data-state]");
  const selects = all("[data-filter]");
  const dialog = one("case");
  let shown = rows;
  let current = -1; // among the rows that are shown
  let opened = -1; // the number of the question in the dialog

  // What a person would search for; put together once, when it is first wanted.
  const texts = new Map();
  const textOf = (number) => {
    if (!texts.has(number)) {
      const said = all(".query .value, .answer, .path, .crumbs, h3, h4, code, dd", template(number));
      texts.set(number, [nameOf(number), ...said.map((e) => e.textContent)].join("\n").toLowerCase());
    }
    return texts.get(number);
  };

  const chosen = (name) => {
    const found = selects.find((select) => select.dataset.filter === name);
    return found && found.value ? found.value.slice(1) : null;
  };

  // More rows than these at once would take a browser long to lay out.
  const PAGE = 250;
  let measureBefore = null;
  const filter = (limit = PAGE) => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = new Set(states.filter((s) => s.checked).map((s) => s.dataset.state));
    const [measure, model, folder, tag, why] =
      ["measure", "model", "folder", "tag", "why"].map(chosen);
    const fits = (entry) =>
      (model === null || entry.model === model) &&
      (folder === null || entry.folder === folder || entry.folder.startsWith(`${folder}/`)) &&
      (tag === null || entry.tags.includes(tag)) &&
      ((measure === null && why === null && !kinds.size) ||
        entry.cells.some(
          (c) =>
            c.state &&
            (measure === null || c.measure === measure) &&
            (why === null || c.why === why) &&
            (!kinds.size || kinds.has(c.state)),
        )) &&
      words.every((word) => textOf(entry.question).includes(word));
    const fitting = rows.filter(fits);
    shown = fitting.slice(0, limit);
    for (const entry of rows) entry.row.hidden = true;
    let before = -1;
    for (const entry of shown) {
      entry.row.hidden = false;
      entry.row.classList.toggle("again", entry.question === before);
      before = entry.question;
    }
    for (const table of tables) {
      for (const body of table.folders)
        body.hidden = !body.querySelector("tr.row:not([hidden])");
      table.box.hidden = table.folders.every((body) => body.hidden);
      for (const head of table.heads)
        head.hidden = measure !== null && head.textContent !== measure;
    }
    if (measure !== measureBefore) {
      for (const entry of rows)
        for (const c of entry.cells) c.cell.hidden = measure !== null && c.measure !== measure;
      measureBefore = measure;
    }
    one("none").hidden = shown.length > 0;
    const of = fitting.length === rows.length ? "" : ` of ${rows.length}`;
    one("count").textContent = `${fitting.length}${of} answers`;
    one("more").hidden = shown.length === fitting.length;
    one("more").textContent = `Show the other ${fitting.length - shown.length} answers`;
    rove(shown[0]);
  };

  const reset = () => {
    search.value = "";
    for (const state of states) state.checked = false;
    for (const select of selects) select.value = "";
    filter();
    search.focus();
  };

  // One row at a time is in the order of Tab; arrows move on.
  let roving = null;
  const rove = (entry, focus = false) => {
    if (roving) roving.open.tabIndex = -1;
    roving = entry || null;
    if (!roving) return;
    roving.open.tabIndex = 0;
    if (focus) roving.open.focus();
  };
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
  one("matrix").addEventListener("keydown", (event) => {
    const place = shown.findIndex((entry) => entry.open === event.target);
    if (place < 0) return;
    let next = place + steps[event.key];
    if (event.key === "Home") next = 0;
    if (event.key === "End") next = shown.length - 1;
    if (Number.isNaN(next)) return;
    event.preventDefault();
    rove(shown[Math.max(0, Math.min(shown.length - 1, next))], true);
  });

  // A link leads back to the case; where the page is only previewed, there is none.
  const remember = (address) => {
    try {
      history.replaceState(null, "", address);
    } catch {}
  };
  const show = (number, answer = 0, measure = -1) => {
    const body = one("case-body");
    body.replaceChildren(template(number).cloneNode(true));
    const entry = (answersTo.get(number) || [])[answer];
    one("case-title").textContent = nameOf(number);
    opened = number;
    current = shown.indexOf(entry);
    for (const button of all("[data-go]", dialog))
      button.disabled = !shown[current + Number(button.dataset.go)];
    if (!dialog.open) dialog.showModal();
    remember(`#case-${number + 1}`);
    dialog.scrollTop = 0;
    const part = all(".answered", body)[answer];
    const head = part && (all("article > h4", part)[measure] || (answer ? part.querySelector("h3") : null));
    if (head) head.scrollIntoView({ behavior: "instant" });
    (head || one("case-title")).focus({ preventScroll: true });
    if (shown.includes(entry)) rove(entry);
  };
  dialog.addEventListener("close", () => {
    remember(location.pathname + location.search);
    one("case-body").replaceChildren();
    if (roving) roving.open.focus();
  });
  dialog.addEventListener("click", (event) => {
    const go = event.target.closest("[data-go]");
    if (go) {
      const next = shown[current + Number(go.dataset.go)];
      if (next) show(next.question, next.answer);
    } else if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });

  document.addEventListener("click", (event) => {
    const target = event.target;
    const open = target.closest("[data-open]");
    const row = target.closest("tr.row");
    const wanted = target.closest("[data-show]");
    if (open) show(...open.dataset.open.split(" ").map(Number));
    else if (row && !String(getSelection())) {
      const cell = target.closest("td[data-at]");
      show(Number(row.dataset.q), Number(row.dataset.a), cell ? Number(cell.dataset.at) : -1);
    }
    else if (target.closest("#reset, [data-reset]")) reset();
    else if (wanted) {
      for (const state of states) state.checked = state.dataset.state === wanted.dataset.show;
      filter();
      one("matrix").focus();
    }
  });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => filter(), 120);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) {
      event.preventDefault();
      search.value = "";
      filter();
    }
  });
  for (const control of [...states, ...selects])
    control.addEventListener("change", () => filter());
  one("more").addEventListener("click", () => {
    const next = shown.length;
    filter(Infinity);
    rove(shown[next], true);
  });

  addEventListener("beforeprint", () => {
    filter(Infinity);
    const numbers = dialog.open ? [opened] : [];
    if (one("full").checked) numbers.push(...shown.map((entry) => entry.question));
    for (const number of new Set(numbers)) {
      const part = document.createElement("div");
      const title = document.createElement("h2");
      title.textContent = nameOf(number);
      part.append(title, template(number).cloneNode(true));
      one("print").append(part);
    }
  });
  addEventListener("afterprint", () => {
    one("print").replaceChildren();
    filter();
  });

  filter();
  const linked = /^#case-(\d+)$/.exec(location.hash);
  if (linked && one(`q${linked[1] - 1}`)) show(linked[1] - 1);
})();

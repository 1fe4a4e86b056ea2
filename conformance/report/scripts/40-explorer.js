// The case explorer: checks as columns of numbers, filtered by one pass over them.

const FILTERS = ["framework", "implementation", "mode", "device", "dtype", "clause", "level", "state", "flag"];
const SUBJECT = { framework: 0, implementation: 1, version: 2, mode: 3, device: 4, dtype: 5 };
let book = null; // the explorer's data, once decoded
let shown = []; // the cases listed, in order
let waiting = null;
let drawing = 0; // the timer that draws the rest of the list
const FIRST_ROWS = 40; // more than fit a screen

/** Decode the data once, and prepare what a filter needs. */
async function openBook() {
  if (book) return book;
  waiting ??= block("explorer");
  const data = await waiting;
  if (book) return book;
  const names = [...new Set(data.subjects.map((subject) => `${subject[0]}\t${subject[1]}`))];
  data.implementationOf = data.subjects.map((subject) => names.indexOf(`${subject[0]}\t${subject[1]}`));
  data.names = names;
  data.searched = data.cases.map((each) => [each.case, each.idea, each.source, ...(each.links || []), ...(each.flags || []), ...(each.clauses || []),
    ...Object.entries(each.settings || {}).flat()].join(" ").toLowerCase());
  data.rowsOf = data.cases.map(() => []);
  data.arrays.case.forEach((number, row) => data.rowsOf[number].push(row));
  data.numberOf = new Map(data.cases.map((each, number) => [each.case, number]));
  fillFilters(data);
  book = data;
  return book;
}

function fillFilters(data) {
  const distinct = (place) => [...new Set(data.subjects.map((subject) => subject[place]))];
  for (const name of ["framework", "implementation", "mode", "device", "dtype"]) fill(byId(`f-${name}`), distinct(SUBJECT[name]));
  const clauses = [...new Set(data.clauses.map(([clause]) => clause))];
  const order = Object.keys(data.sentences);
  clauses.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const chapters = [...new Set(clauses.map((clause) => `${clause[0]}*`))];
  fill(byId("f-clause"), [...chapters, ...clauses], [...chapters.map((each) => `${each} (chapter)`), ...clauses]);
  fill(byId("f-level"), Object.keys(data.levels));
  fill(byId("f-state"), ["deviating", ...data.states]);
  fill(byId("f-flag"), [...new Set(data.cases.flatMap((each) => each.flags || []))].sort());
}

/** Which numbers of a table a filter admits, as a mask; null if it admits all. */
function mask(values, wanted, test) {
  return wanted ? Uint8Array.from(values, (value, index) => (test(value, index) ? 1 : 0)) : null;
}

/** The cases with checks that pass the filters, most disagreed on first. */
function chosenCases(data) {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, address.get(name)]));
  const words = address.get("q").toLowerCase().split(/\s+/).filter(Boolean);
  const causes = words.filter((word) => word.startsWith("cause:")).map((word) => word.slice(6));
  const texts = words.filter((word) => !word.startsWith("cause:"));
  const subjects = Uint8Array.from(data.subjects, (subject) =>
    ["framework", "implementation", "mode", "device", "dtype"].every((name) => !wanted[name] || subject[SUBJECT[name]] === wanted[name]) ? 1 : 0);
  const clauses = Uint8Array.from(data.clauses, ([clause, level]) =>
    (!wanted.clause || (wanted.clause.endsWith("*") ? clause.startsWith(wanted.clause.slice(0, -1)) : clause === wanted.clause))
    && (!wanted.level || level === wanted.level) ? 1 : 0);
  const states = Uint8Array.from(data.states, (name, index) =>
    !wanted.state || (wanted.state === "deviating" ? data.deviating.includes(index) : name === wanted.state) ? 1 : 0);
  const cases = Uint8Array.from(data.cases, (each, index) =>
    (!wanted.flag || (each.flags || []).includes(wanted.flag)) && texts.every((word) => data.searched[index].includes(word)) ? 1 : 0);
  const deviations = mask(data.deviation, causes.length, (name) => causes.includes(name));
  const deviating = Uint8Array.from(data.states, (_, index) => (data.deviating.includes(index) ? 1 : 0));
  const { subject, clause, state, case: of, deviation } = data.arrays;
  const tallies = new Map();
  const names = data.names.length;
  const seen = new Uint8Array(data.cases.length * names); // 1: this implementation was asked, 2: and disagrees
  let checks = 0;
  for (let row = 0; row < subject.length; row += 1) {
    if (!(subjects[subject[row]] && clauses[clause[row]] && states[state[row]] && cases[of[row]])) continue;
    if (deviations && !deviations[deviation[row]]) continue;
    checks += 1;
    let tally = tallies.get(of[row]);
    if (!tally) tallies.set(of[row], (tally = { number: of[row], all: 0, bad: 0, states: new Uint32Array(data.states.length) }));
    const place = of[row] * names + data.implementationOf[subject[row]];
    if (!seen[place]) { seen[place] = 1; tally.all += 1; }
    if (deviating[state[row]] && seen[place] === 1) { seen[place] = 2; tally.bad += 1; }
    tally.states[state[row]] += 1;
  }
  const found = [...tallies.values()].sort((a, b) => b.bad - a.bad || b.states[data.deviating[0]] - a.states[data.deviating[0]] || a.number - b.number);
  return { found, checks };
}

function bar(data, states) {
  const total = states.reduce((sum, count) => sum + count, 0);
  return el("span", { class: "share", "aria-hidden": "true" }, data.states.map((name, index) =>
    states[index] ? el("i", { class: `s-${name}`, style: `width:${(100 * states[index]) / total}%` }) : ""));
}

/** List the chosen cases; the list is drawn a piece at a time so that a filter answers at once. */
function listCases(data) {
  const { found, checks } = chosenCases(data);
  shown = found.map((tally) => data.cases[tally.number].case);
  const disputed = found.filter((tally) => tally.bad).length;
  byId("c-count").textContent = found.length
    ? `${found.length} case${found.length === 1 ? "" : "s"}, ${checks.toLocaleString("en")} checks; on ${disputed} of them somebody disagrees`
    : "No case passes these filters.";
  const now = address.get("case");
  const row = (tally) => {
    const each = data.cases[tally.number];
    return el("li", {}, el("a", { href: `#cases?${caseAddress(each.case)}`, class: "row", "data-case": each.case, tabindex: each.case === now ? "0" : "-1", "aria-current": each.case === now ? "true" : null },
      el("b", {}, `${tally.bad}`), el("small", {}, ` of ${tally.all} disagree `), bar(data, tally.states), el("br"), el("span", {}, each.idea || each.case), el("br"), el("small", {}, each.case)));
  };
  const list = byId("c-list");
  list.replaceChildren(...found.slice(0, FIRST_ROWS).map(row));
  list.setAttribute("aria-busy", found.length > FIRST_ROWS ? "true" : "false");
  clearTimeout(drawing);
  drawing = setTimeout(() => {
    list.append(...found.slice(FIRST_ROWS).map(row));
    list.setAttribute("aria-busy", "false");
    if (!list.querySelector('a.row[tabindex="0"]') && list.firstChild) list.firstChild.firstChild.tabIndex = 0;
  });
}

/** Where nothing is left: which filter to drop, and the search over everything. */
function nothingLeft() {
  const set = ["q", ...FILTERS].filter((name) => address.get(name));
  const without = (name) => { const values = new URLSearchParams(address.values); values.delete(name); values.delete("case"); return values.toString(); };
  return [el("p", {}, "No case passes all of these."), el("ul", {}, set.map((name) => el("li", {}, el("a", { href: `#cases?${without(name)}` }, `without ${name === "q" ? "the search" : name} “${address.get(name)}”`)))),
    address.get("q") ? el("p", {}, el("a", { href: `#find?s=${encodeURIComponent(address.get("q"))}` }, `Search everything for “${address.get("q")}”`)) : ""];
}

function caseAddress(name) {
  const values = new URLSearchParams(address.values);
  values.set("case", name);
  values.sort();
  return values.toString();
}

/** Choose the next or previous case of the list. */
function step(by) {
  const at = shown.indexOf(address.get("case"));
  const next = shown[Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : at + by))];
  if (next) address.set({ case: next }, { section: "cases" });
  const row = [...byId("c-list").querySelectorAll("a.row")].find((each) => each.dataset.case === next);
  row?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}

function startExplorer() {
  for (const name of FILTERS) bind(byId(`f-${name}`), name, "cases");
  bind(byId("f-q"), "q", "cases");
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    byId("f-q").value = "";
    address.set(Object.fromEntries(["q", ...FILTERS].map((name) => [name, ""])), { section: "cases" });
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("c-list").addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  let listed = null;
  let followed = false;
  byId("c-list").addEventListener("click", (event) => { followed = Boolean(event.target.closest("a.row")); }, { capture: true });
  let drawn = null;
  const update = async () => {
    const data = await openBook();
    for (const name of FILTERS) byId(`f-${name}`).value = address.get(name);
    const more = byId("filters").querySelector("details");
    if (FILTERS.some((name) => address.get(name) && byId(`f-${name}`).closest("details"))) more.open = true;
    const key = ["q", ...FILTERS].map((name) => address.get(name)).join("\0");
    if (key !== listed) { listed = key; listCases(data); }
    // On a wide screen a case is always open: the first, until one is chosen.
    const narrow = matchMedia("(max-width: 60rem)").matches;
    const chosen = address.get("case") || (narrow ? "" : shown[0] || "");
    const now = [chosen, address.get("at"), address.get("in"), shown.length ? "" : key].join("\0");
    for (const row of byId("c-list").querySelectorAll("a.row")) {
      const same = row.dataset.case === address.get("case");
      if (same) { row.setAttribute("aria-current", "true"); row.tabIndex = 0; } else if (row.hasAttribute("aria-current")) { row.removeAttribute("aria-current"); row.tabIndex = -1; }
    }
    if (now !== drawn) { drawn = now; drawCase(data, chosen); }
    if (narrow && address.get("case") && address.section === "cases" && (followed || address.resting)) byId("c-detail").scrollIntoView();
    else address.settle();
    followed = false;
  };
  let open = false;
  address.listeners.push(() => {
    if (open || address.section === "cases" || address.get("case")) { open = true; update(); }
  });
  whenSeen(byId("cases"), () => { open = true; update(); });
}

// One case: its idea, inputs and exact results, and what each implementation returned.

const MOST_ROWS = 64;

function drawCase(data, name) {
  const holder = byId("c-detail");
  if (!name) { holder.replaceChildren(...(shown.length ? [el("p", { class: "quiet" }, "Choose a case.")] : nothingLeft())); return; }
  const at = data.numberOf.get(name);
  if (at === undefined) { holder.replaceChildren(el("p", {}, `These runs have no case ${name}.`)); return; }
  const each = data.cases[at];
  const rows = data.rowsOf[at];
  const cells = tallied(data, rows);
  const chosen = chosenCell(data, cells);
  holder.replaceChildren(
    el("h2", {}, each.idea || each.case), el("p", { class: "quiet" }, each.case),
    facts(each), inputs(data, each, chosen.dtype), chooser(data, cells, chosen), results(data, chosen), others(data, rows, chosen));
}

function facts(each) {
  const list = el("dl");
  const add = (name, ...values) => list.append(el("dt", {}, name), el("dd", {}, ...values));
  if (each.source) add("Source", link(each.source), ...(each.links || []).flatMap((text) => [", ", link(text)]));
  if (each.flags?.length) add("Flags", each.flags.flatMap((flag) => [el("a", { href: `#cases?flag=${encodeURIComponent(flag)}` }, flag), " "]));
  for (const [name, text] of Object.entries(each.settings || {})) add(name.replaceAll("_", " "), text);
  return list;
}

const link = (text) => (/^https:\/\//.test(text) ? el("a", { href: text, rel: "noreferrer" }, text.replace("https://", "")) : text);

/** The checks of the case by clause and dtype. */
function tallied(data, rows) {
  const cells = new Map();
  for (const row of rows) {
    const [clause, level] = data.clauses[data.arrays.clause[row]];
    const dtype = data.subjects[data.arrays.subject[row]][SUBJECT.dtype];
    const key = `${clause} ${dtype}`;
    if (!cells.has(key)) cells.set(key, { clause, level, dtype, rows: [], all: new Set(), bad: new Set(), ran: new Set() });
    const cell = cells.get(key);
    const name = data.implementationOf[data.arrays.subject[row]];
    const state = data.arrays.state[row];
    cell.rows.push(row);
    cell.all.add(name);
    if (data.deviating.includes(state)) cell.bad.add(name);
    if (data.states[state] !== "unsupported" && data.states[state] !== "no-data") cell.ran.add(name);
  }
  return cells;
}

/** The cell that the address names, or that of the filters, or the one most disagreed on. */
function chosenCell(data, cells) {
  const asked = cells.get(`${address.get("at")} ${address.get("in")}`);
  if (asked) return asked;
  const dtype = address.get("dtype");
  const clause = address.get("clause");
  const fits = [...cells.values()].filter((cell) => (!dtype || cell.dtype === dtype) && (!clause || cell.clause.startsWith(clause.replace("*", ""))));
  const pool = fits.length ? fits : [...cells.values()];
  return pool.reduce((best, cell) => (cell.bad.size > best.bad.size || (cell.bad.size === best.bad.size && cell.dtype === "float32" && best.dtype !== "float32") ? cell : best));
}

function chooser(data, cells, chosen) {
  const dtypes = Object.keys(data.precisions).filter((dtype) => [...cells.values()].some((cell) => cell.dtype === dtype));
  const clauses = [...new Set([...cells.values()].map((cell) => cell.clause))];
  const head = el("tr", {}, el("th", { scope: "col" }, "Implementations that disagree"), dtypes.map((dtype) => el("th", { scope: "col" }, dtype)));
  const body = clauses.map((clause) => el("tr", {},
    el("th", { scope: "row", "data-tip": data.sentences[clause] || null }, el("span", { class: `chip ${[...cells.values()].find((cell) => cell.clause === clause).level}` }, clause), ` ${data.sentences[clause] || ""}`),
    dtypes.map((dtype) => {
      const cell = cells.get(`${clause} ${dtype}`);
      if (!cell) return el("td", {}, el("span", { class: "quiet" }, "–"));
      return el("td", {}, el("button", {
        type: "button", class: `pick ${cell.bad.size ? `${cell.level}-ink` : "quiet"}`, "aria-pressed": cell === chosen ? "true" : "false",
        "aria-label": `${clause} ${dtype}: ${cell.bad.size} of ${cell.ran.size} disagree`,
        onclick: () => address.set({ at: clause, in: dtype }, { section: "cases" }),
      }, cell.ran.size ? `${cell.bad.size} / ${cell.ran.size}` : "–"));
    })));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Clauses and dtypes" }, el("table", { class: "choose" }, el("thead", {}, head), el("tbody", {}, body)));
}

function inputs(data, each, dtype) {
  const argument = each.input?.probabilities ? "probabilities" : "logits";
  if (!each.input || !each.input[argument]) return el("p", { class: "quiet" }, each.settings?.law || each.settings?.configurations ? "Inputs are drawn." : "The records hold no inputs of this case.");
  const names = Object.keys(each.input);
  const exact = each.exact?.[dtype];
  const flat = Object.fromEntries(names.map((name) => [name, [each.input[name]].flat(Infinity)]));
  const size = flat[argument].length;
  const shapes = names.map((name) => `${name} [${shapeOf(each.input[name]).join(", ")}]`).join(", ");
  const aligned = names.filter((name) => flat[name].length === size);
  const rows = [];
  for (let index = 0; index < Math.min(size, MOST_ROWS); index += 1) {
    rows.push(el("tr", {}, el("td", {}, String(index)), aligned.map((name) => el("td", { class: "num" }, flat[name][index])),
      exact ? ["loss", "gradient"].map((name) => el("td", { class: "num", title: exact[name][index] }, decimal(exact[name][index] ?? ""))) : ""));
  }
  const head = el("tr", {}, ["element", ...aligned, ...(exact ? ["exact loss", "exact gradient"] : [])].map((text) => el("th", { scope: "col" }, text)));
  return el("details", { open: size <= 12 }, el("summary", {}, `Inputs${exact ? ` and exact results in ${dtype}` : ""}: ${shapes}`),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Inputs" }, el("table", {}, el("thead", {}, head), el("tbody", {}, rows))),
    size > MOST_ROWS ? el("p", { class: "quiet" }, `${size - MOST_ROWS} more elements.`) : "",
    names.filter((name) => flat[name].length !== size).map((name) => el("p", {}, `${name}: ${flat[name].join(", ")}`)));
}

const shapeOf = (value) => (Array.isArray(value) ? [value.length, ...(value.length ? shapeOf(value[0]) : [])] : []);

/** Who stands alone: the few that deviate, or the few that do not. */
function outliers(data, cell) {
  const spelt = (numbers) => [...numbers].map((number) => data.names[number].replace("\t", " ")).join(", ");
  if (!cell.ran.size) return "Nobody offers what this needs.";
  if (!cell.bad.size) return `All ${cell.ran.size} implementations that offer it agree with the exact result.`;
  if (cell.bad.size === cell.ran.size) return `None of the ${cell.ran.size} implementations agrees with the exact result.`;
  const good = [...cell.ran].filter((number) => !cell.bad.has(number));
  return cell.bad.size <= cell.ran.size / 2
    ? `Outliers: ${spelt(cell.bad)}; the other ${good.length} agree with the exact result.`
    : `Only these agree with the exact result: ${spelt(good)}.`;
}

function results(data, cell) {
  const few = cell.bad.size && cell.bad.size <= cell.ran.size / 2;
  const precision = data.precisions[cell.dtype];
  const bound = data.bounds[cell.clause];
  const order = (row) => data.arrays.state[row] === data.states.indexOf("unsupported");
  const rows = [...cell.rows].sort((a, b) => order(a) - order(b));
  const operand = cell.clause.startsWith("P") ? "probability" : "logit";
  const head = ["", "implementation", "mode", `${operand}, label`, "got", "exact", el("a", { href: "#word-ulp" }, "ULP, grade"), "what"];
  const body = rows.map((row) => {
    const subject = data.subjects[data.arrays.subject[row]];
    const state = data.states[data.arrays.state[row]];
    const bad = data.deviating.includes(data.arrays.state[row]);
    const text = data.worst[data.arrays.worst[row]];
    const worst = text ? JSON.parse(text) : null;
    const mark = state === "known" ? data.symbols[cell.level] : data.symbols[state];
    const cause = data.deviation[data.arrays.deviation[row]];
    const what = [data.signature[data.arrays.signature[row]], data.detail[data.arrays.detail[row]], data.note[data.arrays.note[row]]].filter(Boolean).join(": ");
    return el("tr", { class: bad ? "deviates" : null },
      el("td", {}, el("span", { class: `mark ${state === "known" ? cell.level : state}`, title: state }, mark, el("span", { class: "unseen" }, state))),
      el("th", { scope: "row" }, el("small", {}, `${subject[0]} ${subject[2]} `), subject[1], bad && few ? el("small", { class: "out" }, " outlier") : ""),
      el("td", {}, subject[3], subject[4] === "cpu" ? "" : ` ${subject[4]}`),
      el("td", { class: "num" }, worst && worst.logit ? [decimal(worst.logit), ", ", decimal(worst.label), el("br"), el("small", {}, `element ${worst.index}`)] : ""),
      both(worst?.got), both(worst?.exact),
      el("td", { class: "num" }, worst ? [ulps(worst.result_ulp), " ", gradeChip(data, worst, precision), el("br"), el("small", {}, `scaled ${ulps(worst.scaled_ulp)}`)] : ""),
      el("td", { class: "what" }, what, cause ? [" ", el("a", { href: `#why-${subject[0]}-${cause}` }, "why")] : "", script(data, row)));
  });
  return el("div", {}, el("h3", {}, `${cell.clause} in ${cell.dtype}`, bound ? el("small", {}, ` bound ${bound[0]} ${bound[1]} ULP`) : ""),
    el("p", {}, outliers(data, cell)),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What each implementation returned" },
      el("table", { class: "results" }, el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name || el("span", { class: "unseen" }, "state"))))), el("tbody", {}, body))),
    el("p", { class: "quiet" }, `The worst element of each. Element: its index, ${operand} and label.`));
}

/** A recorded number in decimal and, below it, in hex. */
function both(text) {
  return el("td", { class: "num" }, text ? [decimal(text), el("br"), el("small", {}, text)] : "");
}

function gradeChip(data, worst, precision) {
  const name = grade(worst.result_ulp, precision);
  return el("span", { class: `grade g-${name}`, title: data.grades[name] }, name);
}

function script(data, row) {
  const text = data.reproducer[data.arrays.reproducer[row]];
  if (!text) return "";
  return el("details", { class: "repro" }, el("summary", {}, "script"), codeBlock(text));
}

function codeBlock(text) {
  return el("div", { class: "code" }, el("button", { type: "button", class: "copy", "aria-label": "Copy the script" }, "Copy"), el("pre", { tabindex: "0" }, el("code", {}, text)));
}

/** What else the records say of this case: the range of each measure in the chosen cell. */
function others(data, rows, cell) {
  const texts = [...new Set(cell.rows.map((row) => data.measures[data.arrays.measures[row]]).filter(Boolean))].slice(0, 1);
  return texts.length ? el("p", { class: "quiet" }, `${rows.length.toLocaleString("en")} checks of this case in all.`) : "";
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const code = button.parentElement.querySelector("code");
  try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
  catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
  say("Copied");
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});

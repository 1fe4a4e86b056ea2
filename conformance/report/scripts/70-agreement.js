// Agreement: the distance of every pair, and what a port from one call to another changes.

const short = (subject) => `${subject[0]} ${subject[1]}`;

/** The members of a table in eager mode, or in the first mode that they have. */
function firstModes(table) {
  const seen = new Map();
  table.subjects.forEach((subject, at) => {
    const key = `${short(subject)} ${subject[2]} ${subject[4]}`;
    const before = seen.get(key);
    if (!before || (subject[3] === "eager" && before.subject[3] !== "eager")) seen.set(key, { subject, at });
  });
  return [...seen.values()];
}

function apart(data, code) {
  if (code === data.absent) return NaN;
  return code === data.infinite ? Infinity : 2 ** (code / data.steps) - 1;
}

const spelt = (size) => (Number.isNaN(size) ? "–" : size === Infinity ? "∞" : size === 0 ? "0" : ulps(size));

function distanceClass(size, close) {
  return Number.isNaN(size) ? "d2" : size === 0 ? "d0" : size <= 1 ? "d1" : size <= close ? "d2" : size <= 2 ** 10 ? "d3" : size < Infinity ? "d4" : "d5";
}

function drawMatrix(data, table, members) {
  const key = `${table.dtype}.${table.quantity}`;
  const furthest = data.arrays[`${key}.furthest`];
  const count = table.subjects.length;
  const head = el("tr", {}, el("th", { scope: "col" }, "ULP"), members.map((_, index) => el("th", { scope: "col" }, String(index + 1))));
  const body = members.map((row, index) => el("tr", {}, el("th", { scope: "row" }, `${index + 1} `, el("small", {}, row.subject[0]), ` ${row.subject[1]}`, el("small", {}, ` ${row.subject[3]}`)),
    members.map((column, other) => {
      if (index === other) return el("td", { class: "self" }, "");
      const size = apart(data, furthest[row.at * count + column.at]);
      return el("td", {}, el("button", {
        type: "button", tabindex: "-1", class: `far ${distanceClass(size, data.close)}`, "aria-label": `${short(row.subject)} and ${short(column.subject)}: ${spelt(size)} ULP`,
        onclick: () => address.set({ from: short(row.subject), to: short(column.subject) }, { section: "agreement" }),
      }, spelt(size)));
    })));
  byId("a-matrix").replaceChildren(el("table", { class: "pairs" }, el("thead", {}, head), el("tbody", {}, body)));
}

/** One line of the porting table for each quantity and dtype. */
function gaps(data, from, to) {
  return data.tables.map((table) => {
    const members = firstModes(table);
    const [a, b] = [from, to].map((name) => members.find((each) => short(each.subject) === name));
    if (!a || !b) return null;
    const at = a.at * table.subjects.length + b.at;
    const key = `${table.dtype}.${table.quantity}`;
    const [low, high] = ["low", "high"].map((name) => data.arrays[`${key}.${name}`][at]);
    const range = Number.isNaN(low) ? "" : `logits ${Number(low.toPrecision(4))} to ${Number(high.toPrecision(4))}`;
    return el("tr", {}, el("th", { scope: "row" }, `${table.quantity}, ${table.dtype}`), el("td", { class: "num" }, spelt(apart(data, data.arrays[`${key}.furthest`][at]))),
      el("td", { class: "num" }, data.arrays[`${key}.furthest`][at] === data.absent ? "–" : `${data.arrays[`${key}.same`][at]}%`), el("td", {}, range));
  }).filter(Boolean);
}

const DIVISORS = { "": "a sum, or nothing", numel: "the number of elements", sum_of_weights: "the sum of the weights", nonzero_weights: "the number of non-zero weights" };

function reductions(a, b) {
  const rows = [];
  for (const [name, divisor] of Object.entries(a.reductions)) {
    const same = Object.entries(b.reductions).filter(([other, below]) => below === divisor && (divisor || other === name)).map(([other]) => other);
    rows.push(el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, el("code", {}, a.calls[name] || "")),
      el("td", {}, same.length ? same.map((other) => el("div", {}, el("code", {}, b.calls[other] || other))) : el("span", { class: "must-ink" }, `none of its reductions; divide its sum by ${DIVISORS[divisor] || divisor}`)),
      el("td", {}, divisor ? `divides by ${DIVISORS[divisor] || divisor}` : "")));
  }
  return rows;
}

// What to write where a keyword is missing, with L(x, z) the unreduced loss and w or q the weight.
const WITHOUT = {
  weight: () => ["multiply the unreduced loss, ", el("code", {}, "w * L(x, z)"), ", and reduce that"],
  pos_weight: () => ["the positive term alone is multiplied: ", el("code", {}, "q * z * L(x, 1) + (1 - z) * L(x, 0)")],
  label_smoothing: () => ["smooth the labels, not the loss: pass ", el("code", {}, "z * (1 - a) + a / 2"), " as labels"],
};

function differences(data, a, b) {
  const found = [];
  const tell = (...text) => found.push(el("li", {}, ...text));
  for (const word of a.keywords) if (!b.keywords.includes(word)) tell(`${b.implementation} has no ${word.replace("_", " ")}: `, WITHOUT[word]?.() || "it has to be written out", ".");
  if (a.labels === "soft" && b.labels === "hard") tell("Soft labels are not taken any more: labels must be 0 or 1.");
  if (!a.broadcasts && b.broadcasts) tell("Shapes that do not match broadcast without a word where they raised before.");
  if (a.broadcasts && !b.broadcasts) tell("Shapes that broadcast before now raise.");
  if (b.note) tell(`${b.implementation}: ${b.note}.`);
  const of = (each) => data.causes.filter((cause) => cause.adapter === each.adapter && cause.implementations.includes(each.implementation));
  const ids = new Set(of(a).map((cause) => cause.id));
  const stays = new Set(of(b).map((cause) => cause.id).filter((id) => ids.has(id)));
  const list = (title, causes) => {
    for (const cause of causes) tell(el("b", {}, `${title}: `), el("span", { class: `chip ${cause.documented ? "documented" : cause.level}` }, cause.documented ? "documented" : cause.level), ` ${cause.harm} `,
      el("a", { href: `#why-${cause.adapter}-${cause.id}` }, cause.id.replaceAll("-", " ")), el("small", { class: "quiet" }, ` ${cause.modes.join(", ")}`));
  };
  list("You take on", of(b).filter((cause) => !stays.has(cause.id)));
  list("You leave behind", of(a).filter((cause) => !stays.has(cause.id)));
  list("Stays", of(b).filter((cause) => stays.has(cause.id)));
  for (const each of [a, b]) if (data.misdividing.some(([adapter, name]) => adapter === each.adapter && name === each.implementation)) tell(`${each.implementation}: a mean divides by another number than documented.`);
  return found;
}

function drawPort(data, from, to) {
  const named = (name) => data.implementations.find((each) => `${each.adapter} ${each.implementation}` === name);
  const [a, b] = [named(from), named(to)];
  const table = (label, head, rows) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, el("table", {}, el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows)));
  const parts = [el("h3", {}, `Porting from ${from} to ${to}`)];
  if (from === to) { byId("a-port").replaceChildren(el("p", { class: "quiet" }, "Choose two implementations.")); return; }
  if (a && b) {
    parts.push(table("Calls", ["reduction", "from", "to: the call that gives the same", "its mean"], reductions(a, b)));
    if (a.weighted_call && b.weighted_call) parts.push(el("p", {}, "With weights: ", el("code", {}, a.weighted_call), " becomes ", el("code", {}, b.weighted_call), "."));
    const changes = differences(data, a, b);
    if (changes.length) parts.push(el("ul", {}, changes));
  }
  parts.push(table("Distances", ["quantity, dtype", "furthest apart, ULP", "same bits", "further apart than 4 ULP at"], gaps(data, from, to)));
  byId("a-port").replaceChildren(...parts);
}

function startAgreement() {
  if (!byId("a-form")) return;
  whenSeen(byId("agreement"), async () => {
    const data = await block("agreement");
    const names = [...new Set(data.tables.flatMap((table) => firstModes(table).map((each) => short(each.subject))))];
    const wanted = (adapter) => names.find((name) => name.startsWith(adapter) && /with_logits|optax\.sigmoid_binary/.test(name) && !/weighted/.test(name)) || names[0];
    const dtypes = [...new Set(data.tables.map((table) => table.dtype))].sort((a, b) => (b === "float32") - (a === "float32"));
    fill(byId("a-dtype"), dtypes);
    const first = (name) => [name, ...names.filter((each) => each !== name)];
    fill(byId("a-from"), first(wanted("tensorflow")));
    fill(byId("a-to"), first(wanted("pytorch")));
    for (const control of byId("a-form").elements) bind(control, control.name, "agreement");
    let drawn = "";
    const update = () => {
      const [quantity, dtype, from, to] = ["a-quantity", "a-dtype", "a-from", "a-to"].map((id) => byId(id).value);
      const key = [quantity, dtype, from, to].join("\0");
      if (key === drawn) return;
      drawn = key;
      const table = data.tables.find((each) => each.dtype === dtype && each.quantity === quantity) || data.tables[0];
      drawMatrix(data, table, firstModes(table));
      drawPort(data, from, to);
      address.settle();
    };
    address.listeners.push(update);
    address.tell();
  });
}

// One search over deviations, cases, clauses, issues and words; what people say stands for what the records say.

const KINDS = { door: "Doors", deviation: "Deviations", case: "Cases", issue: "Issues", clause: "Clauses", word: "Words" };
const MOST_FOUND = 8;

/** What was asked as requirements: each a list of alternatives, of which a text must hold one. */
function requirements(data, text) {
  let rest = ` ${text.toLowerCase().trim().replace(/\s*,\s*/g, ",").replace(/\s+/g, " ")} `;
  const found = [];
  for (const [name, others] of Object.entries(data.synonyms).sort((a, b) => b[0].length - a[0].length)) {
    const at = rest.indexOf(` ${name} `) >= 0 ? ` ${name} ` : rest.indexOf(` ${name}s `) >= 0 ? ` ${name}s ` : "";
    if (at) { rest = rest.replace(at, " "); found.push([...new Set([name, ...others])]); }
  }
  return [...found, ...rest.split(" ").filter(Boolean).map((word) => [word])];
}

/** How well a row answers; 0 if it does not. Its title counts most. */
function answers(row, wanted) {
  let score = 0;
  for (const alternatives of wanted) {
    const best = Math.max(...alternatives.map((word, place) => (!row[4].includes(word) ? 0 : (row[1].toLowerCase().includes(word) ? 3 : 1) * (place ? 1 : 2))));
    if (!best) return 0;
    score += best;
  }
  return score;
}

/** The words of the index that are nearest to one that nothing has. */
function nearest(data, word) {
  data.vocabulary ??= [...new Set(data.rows.flatMap((row) => row[4].split(/[^a-z0-9_.-]+/)))].filter((each) => each.length > 2);
  const pairs = (text) => new Set([...text].slice(1).map((letter, at) => text[at] + letter));
  const own = pairs(word);
  const near = (other) => { const two = pairs(other); return (2 * [...own].filter((each) => two.has(each)).length) / (own.size + two.size || 1); };
  return data.vocabulary.map((other) => [near(other), other]).filter(([share]) => share > 0.45).sort((a, b) => b[0] - a[0]).slice(0, 5).map(([, other]) => other);
}

function foundList(kind, rows, all) {
  const line = ([, title, href, where]) => el("li", {}, el("a", { href }, title), " ", el("small", { class: "quiet" }, where));
  const rest = rows.slice(MOST_FOUND);
  return el("section", { class: "found", "data-kind": KINDS[kind], "aria-label": `${KINDS[kind]} found` }, el("h2", {}, `${KINDS[kind]} `, el("small", {}, String(all))),
    el("ul", {}, rows.slice(0, MOST_FOUND).map(line)), rest.length ? el("details", {}, el("summary", {}, `${rest.length} more`), el("ul", {}, rest.map(line))) : "");
}

async function drawFound() {
  const text = address.get("s");
  const data = await block("search");
  if (text !== address.get("s")) return;
  const wanted = requirements(data, text);
  const scored = wanted.length ? data.rows.map((row) => [answers(row, wanted), row]).filter(([score]) => score) : [];
  scored.sort((a, b) => b[0] - a[0]);
  const parts = Object.keys(KINDS).map((kind) => [kind, scored.map(([, row]) => row).filter((row) => row[0] === kind)]).filter(([, rows]) => rows.length);
  const told = parts.map(([kind, rows]) => `${rows.length} ${KINDS[kind].toLowerCase().slice(0, rows.length === 1 ? -1 : undefined)}`).join(", ");
  byId("f-said").textContent = !wanted.length ? "Type what you look for." : parts.length ? `“${text}”: ${told}` : `Nothing is found for “${text}”.`;
  const close = parts.length || !wanted.length ? [] : [...new Set(wanted.flat().flatMap((word) => nearest(data, word)))];
  const near = close.length ? el("p", {}, "Near: ", close.flatMap((word) => [el("a", { href: `#find?s=${encodeURIComponent(word)}` }, word), " "])) : "";
  const also = wanted.filter((each) => each.length > 1).map(([name, ...others]) => `${name} also as ${others.join(", ")}`).join("; ");
  byId("f-found").replaceChildren(...[near, also ? el("p", { class: "quiet" }, `Looked for ${also}.`) : "", ...parts.map(([kind, rows]) => foundList(kind, rows, rows.length))].filter(Boolean));
}

function startSearch() {
  const boxes = [byId("s-all"), byId("s-home")];
  for (const box of boxes) {
    box.addEventListener("input", () => {
      const first = viewOf(address.section).id !== "find";
      address.set({ s: box.value }, { section: "find", entry: first });
      if (box === byId("s-home")) { byId("s-all").value = box.value; byId("s-all").focus(); }
    });
  }
  let drawn = null;
  address.listeners.push(() => {
    const text = address.get("s");
    for (const box of boxes) if (document.activeElement !== box) box.value = viewOf(address.section).id === "find" ? text : "";
    if (viewOf(address.section).id === "find" && text !== drawn) { drawn = text; drawFound(); }
  });
}

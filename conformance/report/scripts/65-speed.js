// Speed: throughput against size, bars, error against time, modes. What breaks a must clause is hatched and unranked.

const PALETTE = ["var(--c0)", "var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)"];
const STEPS = { forward: "forward", backward: "forward and backward" };
const SHAPE_OF = { pytorch: "circle", tensorflow: "square", jax: "triangle", numpy: "diamond" };
const UNITS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

function seconds(value) {
  const [unit, name] = UNITS.find(([size]) => value >= size) || UNITS[3];
  return `${Number((value / unit).toPrecision(3))} ${name}`;
}

const power = (elements) => `2^${Math.round(Math.log2(elements))}`;
const rate = (each) => each.fewest_bytes / each.seconds[0] / 1e9;
const titled = (each) => `${each.subject[0]} ${each.subject[1]}`;
const standing = (each) => (each.unranked ? `no rank: ${each.unranked}` : each.state === "unjudged" ? "not judged in these runs" : each.must.length ? `${each.state === "wrong" ? "computes wrongly" : "computes rightly"}, breaks ${each.must.join(", ")}` : "keeps every must clause");

function toldOf(each) {
  const [median, low, high] = each.seconds;
  const share = typeof each.of_bandwidth === "number" ? `, ${Math.round(100 * each.of_bandwidth)} % of the yardstick` : "";
  return `${titled(each)}, ${each.subject[3]}\n${STEPS[each.pass]}, ${power(each.elements)} elements: ${seconds(median)} (${seconds(low)} to ${seconds(high)})\n${Number(rate(each).toPrecision(3))} GB/s${share}\n${standing(each)}`;
}

/** Those of a subject's modes that the reader wants to see: the chosen one, or the first that it has. */
function inMode(times, mode) {
  const chosen = new Map();
  for (const each of times) {
    const key = titled(each);
    const before = chosen.get(key);
    if (before === undefined || (before !== mode && each.subject[3] === mode)) chosen.set(key, each.subject[3]);
  }
  return times.filter((each) => chosen.get(titled(each)) === each.subject[3]);
}

function grouped(times, key) {
  const groups = new Map();
  for (const each of times) {
    const name = key(each);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(each);
  }
  return groups;
}

function roof(times) {
  const sizes = grouped(times, (each) => each.elements);
  return [...sizes].map(([elements, found]) => ({ elements, rate: found.map((each) => each.yardstick.add || 0).sort((a, b) => a - b)[found.length >> 1] / 1e9 })).sort((a, b) => a.elements - b.elements);
}

function sizesChart(Plot, framework, times, domain, roofs) {
  const names = [...grouped(times, titled).keys()];
  const colour = (each) => PALETTE[names.indexOf(titled(each)) % PALETTE.length];
  const lines = [...grouped(times, titled)].flatMap(([, found]) => {
    const ordered = [...found].sort((a, b) => a.elements - b.elements);
    return [Plot.line(ordered, { x: "elements", y: rate, stroke: colour(ordered[0]), strokeWidth: 1.8, strokeDasharray: ordered[0].state === "wrong" ? "3,3" : undefined }),
      Plot.dot(ordered, { x: "elements", y: rate, stroke: colour(ordered[0]), fill: ordered[0].state === "wrong" ? "var(--paper)" : colour(ordered[0]), r: 2.6 })];
  });
  const svg = asImage(Plot.plot({
    width: 300, height: 200, marginLeft: 40, marginRight: 8, marginTop: 8, marginBottom: 30, ariaLabel: `Throughput of ${framework} against the number of elements`,
    x: { type: "log", base: 2, domain: domain.x, tickFormat: (value) => power(value), label: "elements", ticks: domain.ticks },
    y: { type: "log", domain: domain.y, label: "GB/s", tickFormat: (value) => (Math.log10(value) % 1 === 0 ? `${value}` : "") },
    marks: [Plot.gridY({ strokeOpacity: 0.12 }), Plot.line(roofs, { x: "elements", y: "rate", stroke: "currentColor", strokeDasharray: "1,3", strokeWidth: 1.5 }), ...lines,
      Plot.tip(times, Plot.pointer({ x: "elements", y: rate, title: toldOf, fill: "var(--paper)" }))],
  }));
  const keys = names.map((name, index) => {
    const one = times.find((each) => titled(each) === name);
    return el("span", { class: "key" }, el("i", { class: `line${one.state === "wrong" ? " dashed" : ""}`, style: `border-color:${PALETTE[index % PALETTE.length]}` }), ` ${one.subject[1]}`, el("small", {}, ` ${one.subject[3]}`));
  });
  return el("figure", {}, el("figcaption", {}, el("b", {}, framework)), svg, el("div", { class: "legend" }, keys));
}

function hatch() {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("width", "0"); made.setAttribute("height", "0"); made.setAttribute("aria-hidden", "true"); made.setAttribute("class", "unseen");
  const parts = { defs: {}, pattern: { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, rect: { width: 5, height: 5, fill: "var(--soft)" }, line: { x1: 0, y1: 0, x2: 0, y2: 5, stroke: "var(--must-ink)", "stroke-width": 2.4 } };
  const nodes = {};
  for (const [name, attributes] of Object.entries(parts)) {
    nodes[name] = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) nodes[name].setAttribute(key, value);
  }
  nodes.pattern.append(nodes.rect, nodes.line); nodes.defs.append(nodes.pattern); made.append(nodes.defs);
  return made;
}

const rowName = (each) => `${titled(each)} · ${each.subject[3]}`;

const ORDER = ["right", "unjudged", "wrong"];

/** Ranked: the right ones by their time, fastest first; behind them, without a rank, the unjudged and the wrong. */
function ranked(times) {
  return [...times].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.seconds[0] - b.seconds[0]);
}

function barsChart(Plot, times, roofRate) {
  const order = [...new Set([...ranked(times.filter((each) => each.pass === "backward")), ...ranked(times)].map(rowName))];
  const data = times.map((each) => ({ ...each, told: STEPS[each.pass], row: rowName(each), rate: rate(each), low: each.fewest_bytes / each.seconds[2] / 1e9, high: each.fewest_bytes / each.seconds[1] / 1e9 }));
  const least = 10 ** Math.floor(Math.log10(Math.min(...data.map((each) => each.low))));
  const looks = { right: { fill: "var(--zero)", fillOpacity: 0.75 }, unjudged: { fill: "var(--off)", stroke: "var(--on-off)", strokeWidth: 0.6 }, wrong: { fill: "url(#hatch)", stroke: "var(--must-ink)", strokeWidth: 0.6 } };
  return asImage(Plot.plot({
    width: 1040, height: 62 + 19 * order.length, marginLeft: 330, marginRight: 70, marginTop: 34, ariaLabel: "Throughput of each implementation, forward, and forward with backward",
    x: { type: "log", label: "GB/s of the fewest bytes", domain: [least, Math.max(roofRate, ...data.map((each) => each.high)) * 1.1], grid: true, tickFormat: (value) => (Math.log10(value) % 1 === 0 ? `${value}` : "") }, y: { domain: order, label: null }, fx: { domain: Object.values(STEPS), label: null },
    marks: [
      ORDER.map((state) => Plot.barX(data.filter((each) => each.state === state), { x1: least, x2: "rate", y: "row", fx: "told", insetTop: 2, insetBottom: 2, ...looks[state] })),
      Plot.link(data, { x1: "low", x2: "high", y: "row", fx: "told", stroke: "currentColor", strokeWidth: 1.6 }),
      Plot.ruleX(Object.values(STEPS), { x: () => roofRate, fx: (name) => name, stroke: "currentColor", strokeDasharray: "1,3" }),
      Plot.text(data, { x: "high", y: "row", fx: "told", text: (each) => seconds(each.seconds[0]), textAnchor: "start", dx: 4 }),
      Plot.tip(data, Plot.pointerY({ x: "rate", y: "row", fx: "told", title: toldOf, fill: "var(--paper)" })),
    ],
  }));
}

function scatterChart(Plot, times, precision) {
  const top = precision + 3;
  const points = times.filter((each) => typeof each.ulp === "number" && each.pass === "backward").map((each) => ({ ...each, error: each.ulp < 0 ? top : Math.min(top, Math.log2(1 + each.ulp)), nanoseconds: each.seconds[0] / each.elements * 1e9 }));
  const ticks = errorTicks(precision);
  if (!points.length) return el("p", { class: "quiet" }, "No subject of this choice was both timed and judged.");
  const frameworks = [...new Set(points.map((each) => each.subject[0]))];
  const svg = asImage(Plot.plot({
    width: 480, height: 330, marginLeft: 62, marginBottom: 36, ariaLabel: "Largest error of the gradient against the time of forward and backward",
    x: { type: "log", label: "ns an element" }, y: { domain: [-0.5, top + 0.5], label: "largest error, ULP", ticks: [...ticks.at, top], tickFormat: (_, index) => [...ticks.text, "NaN, ∞"][index], grid: true },
    symbol: { domain: frameworks, range: frameworks.map((name) => SHAPE_OF[name] || "star") },
    marks: [Plot.dot(points, { x: "nanoseconds", y: "error", symbol: (each) => each.subject[0], stroke: (each) => (each.state === "wrong" ? "var(--must-ink)" : "var(--zero)"), fill: (each) => (each.state === "wrong" ? "var(--paper)" : "var(--zero)"), r: 5 }),
      Plot.tip(points, Plot.pointer({ x: "nanoseconds", y: "error", title: (each) => `${toldOf(each)}\nlargest error of the gradient: ${each.ulp < 0 ? "∞" : ulps(each.ulp)} ULP`, fill: "var(--paper)" }))],
  }));
  const signs = { circle: "●", square: "■", triangle: "▲", diamond: "◆", star: "★" };
  return [svg, el("div", { class: "legend" }, frameworks.map((name) => el("span", { class: "key" }, `${signs[SHAPE_OF[name] || "star"]} ${name}`)), el("span", { class: "key must-ink" }, "hollow: what it computes is wrong"))];
}

function modesChart(Plot, times) {
  const several = [...grouped(times.filter((each) => each.pass === "backward"), titled)].filter(([, found]) => new Set(found.map((each) => each.subject[3])).size > 1);
  if (!several.length) return el("p", { class: "quiet" }, "No implementation of this choice was timed in more than one mode.");
  const rows = several.flatMap(([name, found]) => found.map((each) => ({ ...each, row: name, mode: each.subject[3], time: each.seconds[0] * 1e6 })));
  const modes = [...new Set(rows.map((each) => each.mode))];
  const svg = asImage(Plot.plot({
    width: 520, height: 46 + 20 * several.length, marginLeft: 250, marginTop: 6, marginBottom: 36, ariaLabel: "Time of forward and backward in each mode",
    x: { type: "log", label: "µs" , grid: true }, y: { domain: several.map(([name]) => name), label: null }, color: { domain: modes, range: modes.map((_, index) => PALETTE[index]) }, symbol: { domain: modes },
    marks: [Plot.ruleY(several, { y: ([name]) => name, x1: ([, found]) => Math.min(...found.map((each) => each.seconds[0])) * 1e6, x2: ([, found]) => Math.max(...found.map((each) => each.seconds[0])) * 1e6, stroke: "var(--line)", strokeWidth: 3 }),
      Plot.dot(rows, { x: "time", y: "row", stroke: "mode", fill: "mode", symbol: "mode", r: 4.5 }), Plot.tip(rows, Plot.pointer({ x: "time", y: "row", title: toldOf, fill: "var(--paper)" }))],
  }));
  const signs = ["●", "✚", "◆", "■", "★", "▲"];
  return [svg, el("div", { class: "legend" }, modes.map((mode, index) => el("span", { class: "key", style: `color:${PALETTE[index]}` }, `${signs[index] || "●"} ${mode}`)))];
}

function speedTable(times) {
  const head = ["rank", "implementation", "mode", "pass", "time", "95 % interval", "GB/s", "of the yardstick", "first call", "memory above the inputs", "threads", "must clauses"];
  const ranks = { forward: 0, backward: 0 };
  const body = ranked(times).map((each) => {
    const rank = each.state === "right" ? (ranks[each.pass] += 1) : "–";
    const memory = typeof each.peak_memory === "number" ? `${(each.peak_memory / 2 ** 20).toFixed(1)} MiB` : "not known";
    const share = typeof each.of_bandwidth === "number" ? `${(100 * each.of_bandwidth).toFixed(1)} %` : "";
    const cells = [titled(each), each.subject[3], each.pass, seconds(each.seconds[0]), `${seconds(each.seconds[1])} to ${seconds(each.seconds[2])}`, `${Number(rate(each).toPrecision(3))}`, share, each.first_call ? seconds(each.first_call) : "", memory, `${each.threads}`, standing(each)];
    return el("tr", { class: each.state === "wrong" ? "deviates" : "" }, el("td", { class: "n" }, `${rank}`), cells.map((cell) => el("td", {}, cell)));
  });
  return el("table", {}, el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, body));
}

async function drawSpeed() {
  const [Plot, data] = await Promise.all([library(), block("speed")]);
  const [elements, reduction, shape, dtype, device, mode] = ["elements", "reduction", "shape", "dtype", "device", "mode"].map((name) => byId(`s-${name}`).value);
  const alike = data.times.filter((each) => each.reduction === reduction && each.shape === shape && each.subject[5] === dtype && each.subject[4] === device);
  const sized = alike.filter((each) => `${each.elements}` === elements);
  const shown = inMode(alike.filter((each) => each.pass === "backward"), mode);
  const roofs = roof(alike);
  const sizes = [...new Set(alike.map((each) => each.elements))].sort((a, b) => a - b);
  const rates = [...shown.map(rate), ...roofs.map((each) => each.rate)].filter((value) => value > 0);
  const domain = { x: [sizes[0], sizes[sizes.length - 1]], y: [Math.min(...rates) / 1.3, Math.max(...rates) * 1.3], ticks: sizes };
  const none = el("p", { class: "quiet" }, "Nothing was timed in this choice.");
  byId("s-sizes").replaceChildren(...(shown.length ? [...grouped(shown, (each) => each.subject[0])].sort().map(([name, found]) => sizesChart(Plot, name, found, domain, roofs)) : [none]));
  const top = roofs.find((each) => `${each.elements}` === elements);
  byId("s-bars").replaceChildren(...(sized.length ? [hatch(), barsChart(Plot, sized, top ? top.rate : 0)] : [none.cloneNode(true)]));
  byId("s-scatter").replaceChildren(...[scatterChart(Plot, sized, data.precisions[dtype])].flat());
  byId("s-modes").replaceChildren(...[modesChart(Plot, sized)].flat());
  byId("s-table").replaceChildren(speedTable(sized));
  address.settle();
}

function startSpeed() {
  startForm("s-form", "speed", async () => {
    const { times } = await block("speed");
    const counts = grouped(times, (each) => each.elements);
    const sizes = [...counts.keys()].sort((a, b) => counts.get(b).length - counts.get(a).length || b - a);
    fill(byId("s-elements"), sizes.map(String), sizes.map(power));
    const first = (values, wanted) => [...new Set(values)].sort((a, b) => (b === wanted) - (a === wanted));
    fill(byId("s-reduction"), first(times.map((each) => each.reduction), "mean"));
    fill(byId("s-shape"), first(times.map((each) => each.shape), "multilabel"));
    fill(byId("s-dtype"), first(times.map((each) => each.subject[5]), "float32"));
    fill(byId("s-device"), first(times.map((each) => each.subject[4]), "gpu"));
    fill(byId("s-mode"), first(times.map((each) => each.subject[3]), "eager"));
  }, drawSpeed);
}

// Error curves and maps: small multiples by Observable Plot, all with the same scales.

let plotting = null;

/** Evaluate the chart library once, when the first chart is wanted. */
function library() {
  plotting ??= inflated("charts").then((bytes) => {
    document.head.append(el("script", {}, new TextDecoder().decode(bytes)));
    return window.Plot;
  });
  return plotting;
}

const keyOf = (subject) => subject.slice(0, 3).join(" ");

/** Each implementation with its curve in the wanted mode, or in the first mode that it has; by framework. */
function multiples(data, quantity, dtype, mode) {
  const groups = new Map();
  data.curves.forEach((each, at) => {
    if (each.quantity !== quantity || each.subject[5] !== dtype) return;
    const name = `${each.subject[0]} ${each.subject[2]}`;
    if (!groups.has(name)) groups.set(name, new Map());
    const one = `${each.subject[1]} ${each.subject[4]}`;
    const before = groups.get(name).get(one);
    if (!before || (each.subject[3] === mode && before.subject[3] !== mode)) groups.get(name).set(one, { ...each, at });
  });
  return groups;
}

const WIDTH = 300;
const TICKS = [-1000, -100, -10, -1, 0, 1, 10, 100, 1000];

/** The errors' axis: log2(1 + ULP), with the grades' limits as ticks. */
function errorTicks(precision) {
  const limits = [0, 4, 2 ** Math.round(precision / 2), 2 ** (precision - 1)];
  return { at: limits.map((limit) => Math.log2(1 + limit)), text: ["0", "4", `2^${Math.round(precision / 2)}`, `2^${precision - 1}`] };
}

function curveChart(Plot, data, each, dtype, measure) {
  const precision = data.precisions[dtype];
  const top = precision + 3;
  const logits = data.arrays[`logits.${dtype}`];
  const codes = data.arrays[`${each.at}.${measure || "result"}`];
  const { steps, nan, infinite, flushed } = data.codes;
  const points = [];
  const broken = [];
  for (let label = 0; label < 2; label += 1) {
    for (let index = 0; index < logits.length; index += 1) {
      const code = codes[label * logits.length + index];
      const point = { x: logits[index], label: `label ${label}`, y: Math.min(code / steps, top - 1), code };
      if (code === nan || code === infinite) { broken.push({ ...point, y: top - (label ? 0.2 : 1.1), text: label }); points.push({ ...point, y: NaN }); } else if (code === flushed) points.push({ ...point, y: NaN });
      else points.push(point);
    }
  }
  const ticks = errorTicks(precision);
  const told = (point) => `logit ${Number(point.x.toPrecision(6))}, ${point.label}\n${point.code === nan ? "NaN" : point.code === infinite ? "infinite error" : `${ulps(2 ** (point.code / steps) - 1)} ULP`}`;
  return Plot.plot({
    width: WIDTH, height: 132, marginLeft: 34, marginRight: 6, marginTop: 6, marginBottom: 20, ariaLabel: `Error of ${each.subject.join(" ")}`,
    x: { type: "symlog", constant: 0.1, domain: [-1024, 1024], ticks: TICKS, tickFormat: (value) => (Math.abs(value) === 1000 ? `${value / 1000}k` : `${value}`), label: null },
    y: { domain: [0, top], ticks: ticks.at, tickFormat: (_, index) => ticks.text[index], label: null },
    color: { domain: ["label 0", "label 1"], range: ["var(--zero)", "var(--one)"] },
    marks: [
      Plot.ruleY(ticks.at.slice(1), { stroke: "currentColor", strokeOpacity: 0.18 }),
      Plot.ruleX([0], { stroke: "currentColor", strokeOpacity: 0.18 }),
      Plot.line(points.filter((point) => point.label === "label 0"), { x: "x", y: "y", stroke: "label", strokeWidth: 1.6 }),
      Plot.line(points.filter((point) => point.label === "label 1"), { x: "x", y: "y", stroke: "label", strokeWidth: 1.6, strokeDasharray: "4,2" }),
      Plot.text(broken, { x: "x", y: "y", text: () => "×", fill: "var(--bad)", fontSize: 10 }),
      Plot.tip([...points.filter((point) => !Number.isNaN(point.y)), ...broken], Plot.pointer({ x: "x", y: "y", title: told, fill: "var(--paper)" })),
    ],
  });
}

const LIMITS = ["≤ ½", "≤ 1", "≤ 4", "≤ ¼ of the bits", "≤ ½ of the bits", "< half the result", "≥ half the result", "NaN, ∞"];
const SHADES = ["var(--m0)", "var(--m1)", "var(--m2)", "var(--m3)", "var(--m4)", "var(--m5)", "var(--m6)", "var(--m7)"];

function shadeOf(code, data, precision) {
  const { steps, nan, infinite, flushed } = data.codes;
  if (code === nan || code === infinite) return 7;
  if (code === flushed) return 0;
  const size = 2 ** (code / steps) - 1;
  const limits = [0.5, 1, 4, 2 ** (precision / 4), 2 ** (precision / 2), 2 ** (precision - 2)];
  const found = limits.findIndex((limit) => size <= limit * 1.001);
  return found < 0 ? 6 : found;
}

/** The map: a run of equal cells is one rectangle, which keeps twenty maps light. */
function mapChart(Plot, data, each, dtype, measure) {
  const precision = data.precisions[dtype];
  const logits = data.arrays[`logits.${dtype}`];
  const labels = [...data.arrays[`labels.${dtype}`].slice(0, each.labels)];
  const codes = data.arrays[`${each.at}.${measure || "result"}`];
  const all = [...data.arrays[`labels.${dtype}`]].map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const cells = [];
  labels.forEach((label, place) => {
    const row = all.findIndex((one) => one.index === place);
    let from = 0;
    for (let index = 1; index <= logits.length; index += 1) {
      const shade = shadeOf(codes[place * logits.length + from], data, precision);
      if (index < logits.length && shadeOf(codes[place * logits.length + index], data, precision) === shade) continue;
      cells.push({ from, to: index, row, shade });
      from = index;
    }
  });
  const ticks = TICKS.map((wanted) => logits.reduce((best, value, index) => (Math.abs(value - wanted) < Math.abs(logits[best] - wanted) ? index : best), 0));
  return Plot.plot({
    width: WIDTH, height: 132, marginLeft: 34, marginRight: 6, marginTop: 6, marginBottom: 20, ariaLabel: `Error map of ${each.subject.join(" ")}`,
    x: { domain: [0, logits.length], ticks, tickFormat: (_, index) => (Math.abs(TICKS[index]) === 1000 ? `${TICKS[index] / 1000}k` : `${TICKS[index]}`), label: null },
    y: { domain: [0, all.length], ticks: all.map((_, index) => index + 0.5), tickFormat: (_, index) => `${Number(all[index].value.toPrecision(2))}`, label: null, tickSize: 0 },
    marks: [Plot.rect(cells, { x1: "from", x2: "to", y1: "row", y2: (cell) => cell.row + 1, fill: (cell) => SHADES[cell.shade], inset: 0, insetTop: 1,
      title: (cell) => `logit ${Number(logits[cell.from].toPrecision(4))} to ${Number(logits[cell.to - 1].toPrecision(4))}, label ${Number(all[cell.row].value.toPrecision(3))}\n${LIMITS[cell.shade]}${cell.shade < 3 ? " ULP" : ""}`,
    })],
  });
}

function legendOf(view) {
  if (view !== "map") {
    return [el("span", { class: "key" }, el("i", { class: "line zero" }), " label 0"), el("span", { class: "key" }, el("i", { class: "line one" }), " label 1"),
      el("span", { class: "key" }, el("span", { class: "bad-ink" }, "×"), " NaN or infinite"), el("span", { class: "quiet" }, "rules: 4 ULP, half of the bits, half of the result; a gap is a subnormal flushed to zero")];
  }
  return LIMITS.map((text, index) => el("span", { class: "key" }, el("i", { class: "patch", style: `background:${SHADES[index]}` }), ` ${text}${index < 3 ? " ULP" : ""}`));
}

async function drawCharts() {
  const holder = byId("w-charts");
  const [Plot, data] = await Promise.all([library(), block("curves")]);
  const [quantity, dtype, mode, measure, view] = [byId("w-quantity").value, byId("w-dtype").value, byId("w-mode").value, address.get("measure"), address.get("view")];
  const draw = view === "map" ? mapChart : curveChart;
  const columns = [...multiples(data, quantity, dtype, mode)].map(([name, members]) => el("section", { class: "column", "aria-label": `Curves of ${name}` }, el("h2", {}, name),
    [...members.values()].map((each) => el("figure", {}, el("figcaption", {}, each.subject[1], el("small", {}, ` ${each.subject[3]}${each.subject[4] === "cpu" ? "" : ` ${each.subject[4]}`}`)), asImage(draw(Plot, data, each, dtype, measure))))));
  byId("w-legend").replaceChildren(...legendOf(view));
  holder.replaceChildren(...columns);
  address.settle();
}

function startCharts() {
  startForm("w-form", "where", async () => {
    const data = await block("curves");
    fill(byId("w-dtype"), [...data.dtypes].sort((a, b) => (b === "float32") - (a === "float32")));
    fill(byId("w-mode"), [...new Set(data.curves.map((each) => each.subject[3]))].sort((a, b) => (b === "eager") - (a === "eager")));
  }, drawCharts);
}

// The porter's door: what is chosen, the code of both sides with what it gave here, and how far apart the two are.

const TITLES = {
  "keras.losses.BinaryCrossentropy": "Keras BinaryCrossentropy", sigmoid_cross_entropy_with_logits: "tf.nn.sigmoid_cross_entropy_with_logits",
  weighted_cross_entropy_with_logits: "tf.nn.weighted_cross_entropy_with_logits", "compat.v1.losses.sigmoid_cross_entropy": "tf.compat.v1.losses.sigmoid_cross_entropy",
  binary_cross_entropy_with_logits: "PyTorch BCEWithLogitsLoss", "optax.sigmoid_binary_cross_entropy": "optax.sigmoid_binary_cross_entropy",
};
const MODES = { eager: "eager", graph: "fit or tf.function", xla: "tf.function with jit_compile", compiled: "compiled (torch.compile, jax.jit)", func: "torch.func (grad, vmap)", autocast: "under autocast", session: "v1 Session" };
const HALVES = ["bfloat16", "float16"];
const FEATURES = ["smoothing", "weight", "classes", "mask"];
const titleOf = (call) => TITLES[call.implementation] || `${call.title} ${call.implementation}`;
const shortly = (call) => ({ "keras.losses.BinaryCrossentropy": "Keras", binary_cross_entropy_with_logits: "PyTorch", "optax.sigmoid_binary_cross_entropy": "Optax" }[call.implementation] || call.implementation.replace(/.*\./, ""));

/** Everything chosen, each side with its call, mode, dtype, shape and recipe. */
function chosenPort(data) {
  const [dtype, autocast] = (byId("p-dtype").value || "float32").split("+");
  const [last, first] = (byId("p-shape").value || "multilabel+multilabel").split("+");
  const features = FEATURES.filter((name) => byId(`p-${name}`).checked && !(name === "classes" && last === "one"));
  const side = (which) => {
    const at = Number(byId(`p-${which}`).value);
    const call = data.calls[at];
    const torch = call.adapter === "pytorch";
    const mode = torch && autocast ? "autocast" : byId(`p-${which}mode`).value;
    const shape = torch ? first : last;
    const row = data.recipes.find((each) => each[0] === at && each[1] === mode && each[2] === dtype && each[3] === shape && each[4] === features.join("+"));
    const recipe = row ? { code: data.codes[row[5]], loss: number(row[6]), exact: number(row[7]), gradient: data.gradients[row[8]], error: row[9] } : null;
    return { at, call, mode, shape, recipe, trial: (name) => data.trials.find((each) => each[0] === at && each[1] === name) };
  };
  // What decides in half precision is computed in float32: by autocast, by Keras, or by the recipe's own cast.
  return { dtype, autocast: Boolean(autocast), features, pixels: last !== "multilabel", computed: HALVES.includes(dtype) ? "float32" : dtype, from: side("from"), to: side("to") };
}

const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

/** The largest distance of two recipes' gradients. */
function gradientsApart(a, b, dtype) {
  if (dtype === "float64") return a.error + b.error;
  let one, other;
  try { [one, other] = [floats(a.gradient), floats(b.gradient)]; } catch { return NaN; } // records of others may hold anything
  return one.reduce((most, value, at) => Math.max(most, Math.abs(value - other[at])), 0);
}

const few = (value) => (Number.isNaN(value) ? "an unknown distance" : value === 0 ? "0" : value === Infinity ? "∞" : value < 1e-3 || value >= 1e5 ? value.toExponential(1).replace("e+", "e") : String(Number(value.toPrecision(2))));
const codeOf = (text, label) => el("div", { class: "code" }, el("button", { type: "button", class: "copy", "aria-label": `Copy ${label}` }, "Copy"), el("pre", { tabindex: "0", "aria-label": label }, el("code", {}, text)));

function codes(chosen) {
  const { from, to } = chosen;
  if (!from.recipe || !to.recipe) return [el("p", {}, `No recipe of this pair was run${from.recipe || to.recipe ? ` on the side of ${shortly((from.recipe ? to : from).call)}` : ""}; the calls as the suite makes them:`),
    el("div", { class: "sides" }, [from, to].map(({ call }) => el("div", {}, el("h3", {}, titleOf(call)), call.calls?.mean ? codeOf(call.calls.mean, `the call of ${shortly(call)}`) : el("p", { class: "quiet" }, "No call is written down."))))];
  const digits = chosen.dtype === "float64" ? 15 : 7;
  const [a, b] = [from.recipe.loss, to.recipe.loss].map((value) => Number(value.toPrecision(digits)));
  const apart = gradientsApart(from.recipe, to.recipe, chosen.dtype);
  return [el("p", { class: "ran" }, "Run here, on the same numbers: ", el("b", { class: "num" }, `${a} ${a === b ? "=" : "and"} ${b}`), `; exact is ${Number(from.recipe.exact.toPrecision(digits))}. Gradients at most ${few(apart)} apart.`),
    el("div", { class: "sides" }, [from, to].map(({ call, mode, recipe }, place) => el("div", {}, el("h3", {}, place ? "Write " : "You have ", el("small", {}, `${titleOf(call)}, ${MODES[mode] || mode}`)), codeOf(recipe.code.trimEnd(), `the code for ${shortly(call)}`))))];
}

/** The greatest distances of the two on the whole grid. */
function apartTable(data, chosen) {
  const rows = ["loss", "gradient"].map((quantity) => {
    const pair = data.pairs.find((each) => each.dtype === chosen.computed && each.quantity === quantity);
    // Under autocast the loss is that of float32, eager.
    const place = (side) => pair?.subjects.findIndex(([at, mode]) => at === side.at && mode === (side.mode === "autocast" ? "eager" : side.mode));
    const [a, b] = [place(chosen.from), place(chosen.to)];
    if (!pair || a < 0 || b < 0) return null;
    const value = (name) => data.arrays[`${pair.dtype}.${quantity}.${name}`][a * pair.subjects.length + b];
    return { quantity, hard: value("hard"), any: value("any"), ulp: value("ulp") };
  }).filter(Boolean);
  if (!rows.length) return [el("p", { class: "quiet" }, "No curves of this pair are in these runs.")];
  const head = ["", "labels 0 and 1", "any label, smoothed too"];
  return [el("table", { id: "p-apart" }, el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text || el("span", { class: "unseen" }, "quantity"))))),
    el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row" }, row.quantity), el("td", { class: "num" }, few(row.hard)), el("td", { class: "num" }, few(row.any)))))),
  el("p", { class: "quiet" }, `The largest absolute distance of one element, computed in ${chosen.computed}, logits from -${data.everyday} to ${data.everyday}.`),
  el("details", {}, el("summary", {}, "In ULP, over all logits"), el("p", {}, rows.map((row) => `${row.quantity}: ${row.ulp === Infinity ? "∞ (one is NaN or infinite where the other is not)" : ulps(row.ulp)}`).join("; "), ". ", el("a", { href: "#word-ulp" }, "ULP"), " is the gap between neighbouring numbers: a tail that one of them loses counts with all its digits, however small it is."))];
}

function reductionTable(chosen) {
  const [a, b] = [chosen.from.call, chosen.to.call];
  const DIVISORS = { "": "", numel: "the number of elements", sum_of_weights: "the sum of the weights", nonzero_weights: "the number of non-zero weights" };
  const rows = Object.entries(a.reductions || {}).map(([name, divisor]) => {
    const same = Object.entries(b.reductions || {}).filter(([other, below]) => below === divisor && (divisor || other === name)).map(([other]) => other);
    return el("tr", {}, el("th", { scope: "row" }, name.replaceAll("_", " ")), el("td", {}, DIVISORS[divisor] || "–"), el("td", {}, same.length ? same.map((each) => each.replaceAll("_", " ")).join(", ") : `none: divide the sum by ${DIVISORS[divisor]}`));
  });
  return el("details", {}, el("summary", {}, "Every reduction"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Reductions" }, el("table", {}, el("thead", {}, el("tr", {}, [shortly(a), "divides by", shortly(b)].map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows))));
}

function drawPort(data) {
  const chosen = chosenPort(data);
  const { lines, rest } = knowing(data, chosen);
  const list = (items) => el("ul", { class: "know" }, items.map(([mark, title, ...text]) => el("li", { class: MARKS[mark][1] }, el("span", { class: "mark", "aria-hidden": "true" }, MARKS[mark][0]), " ", el("span", { class: "unseen" }, `${MARKS[mark][2]}: `), el("b", {}, title), " ", ...text)));
  byId("p-out").replaceChildren(el("h2", {}, "The code"), ...codes(chosen), el("h2", {}, "Before you run it"), list(lines),
    ...(rest.length ? [el("details", {}, el("summary", {}, `Other differences (${rest.length})`), list(rest))] : []), reductionTable(chosen),
    el("h2", {}, "How far apart at most"), ...apartTable(data, chosen),
    ...(chosen.from.recipe && chosen.to.recipe && [chosen.from, chosen.to].every((side) => FRAMES[side.call.adapter]) ? [el("h2", {}, "A test to copy"), codeOf(portTest(chosen), "the test")] : []));
}

/** The modes of a side's call, the one that most people use first. */
function fillModes(data, which) {
  const select = byId(`p-${which}mode`);
  const modes = data.modes[Number(byId(`p-${which}`).value)].filter((mode) => mode !== "autocast" && mode !== "session");
  const order = modes.includes("graph") ? ["graph", ...modes.filter((mode) => mode !== "graph")] : modes;
  select.replaceChildren();
  fill(select, order, order.map((mode) => MODES[mode] || mode));
  const at = order.indexOf(address.get(`${which}mode`));
  select.selectedIndex = Math.max(0, at);
}

function startPort() {
  whenSeen(byId("p-form"), async () => {
    const data = await block("port");
    if (!data.calls.length) { byId("p-out").replaceChildren(el("p", {}, "These runs have no function to port.")); return; }
    const numbers = data.calls.map((_, at) => at);
    const first = (name) => { const at = data.calls.findIndex((call) => call.implementation === name); return at < 0 ? numbers : [at, ...numbers.filter((each) => each !== at)]; };
    for (const [which, name] of [["from", "keras.losses.BinaryCrossentropy"], ["to", "binary_cross_entropy_with_logits"]]) {
      const order = which === "to" && !data.recipes.length ? [...numbers].reverse() : first(name);
      fill(byId(`p-${which}`), order.map(String), order.map((at) => titleOf(data.calls[at])));
      fillModes(data, which);
    }
    for (const control of byId("p-form").querySelectorAll("select, input")) bind(control, control.name, "port");
    let drawn = "";
    const update = () => {
      for (const which of ["from", "to"]) fillModes(data, which);
      byId("p-classes").disabled = byId("p-shape").value.startsWith("one");
      const key = [...byId("p-form").querySelectorAll("select, input")].map((each) => (each.type === "checkbox" ? each.checked : each.value)).join("\0");
      if (key !== drawn) { drawn = key; drawPort(data); }
    };
    address.listeners.push(update);
    address.tell();
  });
}

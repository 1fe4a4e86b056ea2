// The kernel author's door: whom to beat, and golden vectors.

const FIRST_TIMES = 10;

/** How a time may be ranked: what is computed is right, or not; and whether another rule is broken. */
function manner(each) {
  return { accurate: each.state === "right", wrong: each.wrong, rules: each.must.filter((clause) => !each.wrong.includes(clause)) };
}

async function drawBeat() {
  const { times } = await block("speed");
  const [elements, dtype, pass] = ["elements", "dtype", "pass"].map((name) => byId(`k-${name}`).value);
  const found = times.filter((each) => `${each.elements}` === elements && each.subject[5] === dtype && each.pass === pass && each.reduction === "mean" && each.shape === "multilabel" && each.counts);
  found.sort((a, b) => a.seconds[0] - b.seconds[0]);
  if (!found.length) { byId("k-beat").replaceChildren(el("p", {}, "Nothing was timed in this choice.")); return; }
  const roof = roofOf(found);
  const most = Math.max(roof, ...found.map(rate));
  const first = found.find((each) => manner(each).accurate);
  const row = (each) => {
    const { accurate, wrong, rules } = manner(each);
    const told = each.state === "unjudged" ? "not judged" : [wrong.length ? `wrong: ${wrong.join(", ")}` : "", rules.length ? `● ${rules.join(", ")}` : ""].filter(Boolean).join("; ");
    return el("tr", { class: each === first ? "best" : null }, el("th", { scope: "row" }, el("small", {}, `${each.subject[0]} `), each.subject[1], el("small", {}, ` ${each.subject[3]}`)),
      el("td", { class: "num" }, seconds(each.seconds[0])), el("td", { class: "num" }, `${Number(rate(each).toPrecision(3))} GB/s`),
      el("td", { class: "beat" }, el("i", { class: accurate ? "full" : "hollow", style: `width:${Math.max(1, (100 * rate(each)) / most)}%` })), el("td", {}, told));
  };
  const head = ["who", "time", "throughput", "", "breaks"];
  const table = (rows, label) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, el("table", { class: "beats" }, el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text || el("span", { class: "unseen" }, "bar"))))), el("tbody", {}, rows.map(row))));
  byId("k-beat").replaceChildren(
    el("p", {}, first ? ["To beat: ", el("b", {}, titled(first)), `, ${first.subject[3]}: ${seconds(first.seconds[0])}. `] : "", `The roof, two reads and a write of that size: ${Number(roof.toPrecision(3))} GB/s.`),
    table(found.slice(0, FIRST_TIMES), "Times"),
    found.length > FIRST_TIMES ? el("details", {}, el("summary", {}, `${found.length - FIRST_TIMES} slower`), table(found.slice(FIRST_TIMES), "Slower times")) : "");
}

const roofOf = (times) => times.map((each) => each.yardstick.add || 0).sort((a, b) => a - b)[times.length >> 1] / 1e9;

function startKernel() {
  startForm("k-form", "kernel", async () => {
    const times = (await block("speed")).times.filter((each) => each.reduction === "mean" && each.shape === "multilabel");
    const sizes = [...new Set(times.map((each) => each.elements))].sort((a, b) => a - b);
    const wanted = sizes.includes(2 ** 22) ? 2 ** 22 : sizes[sizes.length - 1];
    const order = sizes.length ? [wanted, ...sizes.filter((each) => each !== wanted)] : [];
    fill(byId("k-elements"), order.map(String), order.map(power));
    fill(byId("k-dtype"), [...new Set(times.map((each) => each.subject[5]))].sort((a, b) => (b === "float32") - (a === "float32")));
  }, drawBeat);
  byId("vectors").addEventListener("click", async () => {
    const data = await openBook();
    const lines = data.cases.filter((each) => Object.keys(each.exact || {}).length).map((each) => `${JSON.stringify({ case: each.case, idea: each.idea, input: each.input, exact: each.exact, settings: each.settings })}\n`);
    const link = el("a", { href: URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" })), download: "golden.jsonl" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

// Sweeps: the largest error of each stretch of an axis on which every float takes the same room, and the bad regions.

function sweepChart(Plot, each, quantity) {
  const half = 2 ** (each[0].bits - 1);
  const { precision, limit } = each[0];
  const top = precision + 3;
  const curves = each.flatMap((one) => one.curve.map(([place, error]) => ({ place, error: Math.min(top, Math.log2(1 + error)), ulp: error, label: one.label })));
  const labels = [...new Set(each.map((one) => one.label))];
  const colours = labels.map((label) => (label === "1" ? "var(--one)" : "var(--zero)"));
  const regions = each.flatMap((one) => one.regions.map((region) => ({ ...region, label: one.label, row: -1.6 - 1.7 * labels.indexOf(one.label) })));
  const ticks = [0, Math.log2(1 + limit), precision / 2, precision - 1];
  const axis = each[0].ticks;
  const told = (point) => `label ${point.label}\n${ulps(point.ulp)} ULP`;
  return asImage(Plot.plot({
    width: 620, height: 190, marginLeft: 40, marginRight: 8, marginTop: 8, marginBottom: 26, ariaLabel: `Largest error of the ${quantity} of ${each[0].subject.slice(0, 2).join(" ")} over all logits`,
    x: { domain: [-half, half], ticks: axis.map(([place]) => place), tickFormat: (value) => axis.find(([place]) => place === value)[1], label: null },
    y: { domain: [-1.8 - 1.7 * labels.length, top], ticks, tickFormat: (value) => (value === 0 ? "0" : value === ticks[1] ? `${limit}` : `2^${Math.round(value)}`), label: null },
    color: { domain: labels, range: colours },
    marks: [
      Plot.ruleY(ticks, { stroke: "currentColor", strokeOpacity: 0.18 }),
      labels.map((label, index) => Plot.line(curves.filter((point) => point.label === label), { x: "place", y: "error", stroke: colours[index], strokeWidth: 1.2, curve: "step-after", strokeDasharray: label === "1" ? "4,2" : undefined })),
      Plot.rect(regions, { x1: "from", x2: "to", y1: "row", y2: (region) => region.row + 1.2, fill: (region) => (region.label === "1" ? "var(--one)" : "var(--zero)"), stroke: (region) => (region.label === "1" ? "var(--one)" : "var(--zero)"), strokeWidth: 1.5, title: (region) => `label ${region.label}: ${region.kind}` }),
      Plot.tip(curves, Plot.pointerX({ x: "place", y: "error", title: told, fill: "var(--paper)" })),
    ],
  }));
}

async function drawSweeps() {
  const [Plot, data] = await Promise.all([library(), block("sweeps")]);
  const [dtype, quantity] = [byId("v-dtype").value, byId("v-quantity").value];
  const chosen = data.sweeps.filter((each) => each.subject[5] === dtype && each.quantity === quantity);
  const figures = [...grouped(chosen, (each) => each.subject.join(" "))].map(([, found]) => el("figure", {},
    el("figcaption", {}, el("b", {}, `${found[0].subject[0]} ${found[0].subject[1]}`), el("small", {}, ` ${found[0].subject[3]}, labels ${found.map((one) => one.label).join(" and ")}`)), sweepChart(Plot, found, quantity)));
  byId("v-charts").replaceChildren(...figures);
  address.settle();
}

function startSweeps() {
  startForm("v-form", "sweeps", async () => {
    const { sweeps } = await block("sweeps");
    fill(byId("v-dtype"), [...new Set(sweeps.map((each) => each.subject[5]))]);
    fill(byId("v-quantity"), [...new Set(sweeps.map((each) => each.quantity))].sort((a, b) => (b === "loss") - (a === "loss")));
  }, drawSweeps);
}

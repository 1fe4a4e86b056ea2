// What to know before a port is run: each line from what was run or recorded of these two calls, in these modes.

const MARKS = { bad: ["✗", "must-ink", "changes"], mind: ["!", "should-ink", "mind"], good: ["✓", "ok-ink", "safe"] };
const LATER = ["second derivative", "forward mode", "symmetry", "integer labels cut the loss", "integer logits accepted", "labels outside [0, 1]", "last bits depend on the position", "empty batch", "result", "mean", "gradient of the mean"];
const printedOf = (side, name) => side.trial(name)?.[3] || "";
const raises = (text) => /(Error|Exception)$/.test(text);

/** The numbers that a trial printed: losses, then gradients. */
function pairOf(text) {
  const lists = [...text.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1].split(",").map((each) => Number(each.trim().replace("inf", "Infinity"))));
  return { losses: lists[0] || [], gradients: lists[1] || [] };
}

function knowing(data, chosen) {
  const { from, to, features } = chosen;
  const has = (name) => features.includes(name);
  const lines = [];
  if (from.call.adapter !== to.call.adapter && /keras|compat\.v1/.test(from.call.implementation) !== /keras|compat\.v1/.test(to.call.implementation)) lines.push(["mind", "The arguments change places.", `${shortly(/keras|compat\.v1/.test(from.call.implementation) ? from.call : to.call)} takes labels first; ${shortly(/keras|compat\.v1/.test(from.call.implementation) ? to.call : from.call)} takes logits first or both by name.`]);
  if (from.call.reductions?.mean === "numel" && to.call.reductions?.mean === "numel") lines.push(["good", "The means divide by the same:", `by the number of elements${has("weight") ? ", not by the weights, in both" : ", with weights too"}.`]);
  if (chosen.pixels) lines.push(...rankLine(from, to));
  if (has("smoothing")) lines.push(...smoothingLine(data, chosen));
  if (has("mask")) lines.push(...maskLine(from, to, has("smoothing")));
  if (HALVES.includes(chosen.dtype)) lines.push(...halfLine(chosen));
  if (has("weight")) lines.push(...[from, to].flatMap((side) => weightLine(side, chosen)));
  for (const side of [from, to]) if (has("classes") && !side.call.keywords?.includes("pos_weight")) lines.push(["mind", `${shortly(side.call)} has no pos_weight.`, "It multiplies the positive term only, so that no factor on the whole loss stands for it with soft labels; the code writes it out."]);
  if (has("classes") && to.shape === "first") lines.push(["mind", "pos_weight is [C, 1, 1] in front of channels first:", "PyTorch aligns it from the right; a plain [C] would pair with W."]);
  const compared = effectLines(data, chosen);
  return { lines: [...lines, ...compared.lines], rest: compared.rest };
}

function rankLine(from, to) {
  const told = (side) => { const text = printedOf(side, "rank"); return text ? `${shortly(side.call)} ${raises(text) ? `raises ${text}` : `takes both, and unreduced gives losses of shape ${text}`}` : ""; };
  const parts = [told(from), told(to)].filter(Boolean);
  const silent = [from, to].some((side) => printedOf(side, "rank") && !raises(printedOf(side, "rank")));
  return parts.length ? [[silent ? "bad" : "good", "Logits [N, H, W, 1] against labels [N, H, W]:", `${parts.join("; ")}, for N, H, W = 2, 3, 4.${silent ? " Give both the same shape." : ""}`]] : [];
}

function smoothingLine(data, chosen) {
  const { from, to } = chosen;
  const lacking = [from, to].filter((side) => !side.call.keywords?.includes("label_smoothing")).map((side) => shortly(side.call));
  const row = data.recipes.find((each) => each[0] === from.at && each[2] === chosen.dtype && each[1] === from.mode && each[3] === from.shape && each[4] === chosen.features.filter((name) => name !== "smoothing").join("+"));
  const wrong = row && from.recipe ? ` Here it is ${Number(from.recipe.loss.toPrecision(6))}; 0.9 times the loss without smoothing would be ${Number((0.9 * number(row[6])).toPrecision(6))}, which is another number.` : "";
  return [["mind", "Smoothing changes the labels, not the loss:", `z (1 - a) + a/2.${lacking.length ? ` ${lacking.join(" and ")} ${lacking.length > 1 ? "have" : "has"} no keyword for it.` : ""}${wrong}`]];
}

function maskLine(from, to, smoothing) {
  const found = [from, to].map((side) => [side, pairOf(printedOf(side, "mask"))]).filter(([, pair]) => pair.losses.length);
  if (!found.length) return [];
  const nan = found.filter(([, pair]) => Number.isNaN(pair.losses[0])).map(([side]) => shortly(side.call));
  const right = found.filter(([, pair]) => pair.gradients[0] === 0).map(([side]) => shortly(side.call));
  const lines = [["bad", "A logit of -inf is no mask:", `with label 0 its loss should be 0 and is NaN in ${nan.join(" and in ") || "neither"}, and so is the mean. Its gradient is ${right.length === found.length ? "0 in both, as it should be, when called eagerly" : `0 in ${right.join(" and in ") || "neither"} only`}. The code puts 0 in its place first, and leaves the element out of the mean.`]];
  const cost = [from, to].map((side) => [side, pairOf(printedOf(side, "smoothed")).losses[0]]).filter(([, value]) => value !== undefined);
  if (smoothing && cost.length) lines.push(["bad", "With smoothing any masked logit costs:", `-10,000 at a label of 0.05 costs ${[...new Set(cost.map(([, value]) => value))].join(" or ")}, in ${cost.map(([side]) => shortly(side.call)).join(" and in ")}. Mask the loss.`]);
  return lines;
}

function halfLine({ from, to, dtype, autocast }) {
  const lines = [];
  const seen = [from, to].map((side) => [side, pairOf(printedOf(side, "half"))]).filter(([, pair]) => pair.gradients.length);
  const told = seen.map(([side, pair]) => `${shortly(side.call)} ${Number(pair.gradients[0].toPrecision(3))}`).join(", ");
  const lost = seen.filter(([, pair]) => pair.gradients[0] === 0).map(([side]) => shortly(side.call));
  if (autocast) lines.push(["good", "Under autocast the loss is computed in float32.", "Labels that are smoothed have to be float32 before: 0.95 does not fit in half precision."]);
  const how = [...new Set([from, to].map((side) => `${shortly(side.call)} ${side.call.implementation.startsWith("keras") ? "computes its loss in float32" : "computes in the dtype that it gets"}`))].join("; ");
  if (seen.length) lines.push([lost.length ? "bad" : "mind", `Half precision ${autocast ? "outside of autocast" : "as it is"}:`, `${how}. In bfloat16 the gradient at logit 6.25, label 1 should be -0.00193; ${told}.${lost.length ? ` In ${lost.join(" and ")} such an element teaches nothing.` : ""} ${autocast ? "" : "The code casts first."}`]);
  return lines;
}

function weightLine(side, chosen) {
  const text = printedOf(side, "weight");
  if (!text) return side.call.keywords?.includes("weight") ? [] : [["mind", `${shortly(side.call)} has no weight:`, "multiply the unreduced loss, and take the mean of that."]];
  if (!chosen.pixels) return [["good", `Weights [N] in ${shortly(side.call)}:`, side.call.adapter === "pytorch" || side.call.implementation.startsWith("compat") ? "as w[:, None], against losses [N, C]." : "as they are: its losses are [N]."]];
  if (raises(text)) return [["good", `A plain weight [N] in ${shortly(side.call)}`, `raises ${text}.`]];
  const pairs = pairOf(text).losses;
  const wrong = new Set(pairs.map((value) => value.toPrecision(5))).size === 1;
  return wrong ? [["bad", `A plain weight [N] in ${shortly(side.call)} pairs with the last axis,`, `silently where the sizes agree: weights 1, 0, 0 on three equal images give ${pairs.map((value) => Number(value.toPrecision(3))).join(", ")}. Write it as the code does.`]] : [];
}

/** The effects of each side in its mode; the same effect is one, whatever the frameworks' ledgers call it. */
function effectLines(data, chosen) {
  const of = (side) => {
    const mode = side.mode === "autocast" ? "eager" : side.mode;
    const rows = data.effects.filter((row) => row[0] === side.at && row[1] === mode && row[2] === chosen.computed);
    return new Map(rows.map((row) => [`${row[3]} ${row[4]}`.trim(), row]));
  };
  const [a, b] = [of(chosen.from), of(chosen.to)];
  const link = (side, row) => (row[5] ? el("a", { href: `#why-${side.call.adapter}-${row[5]}` }, data.causes[`${side.call.adapter}-${row[5]}`]?.[0] || row[5]) : "");
  const later = (row) => LATER.includes(row[3]) || (row[3] === "NaN at weight 0" && !chosen.features.includes("weight"));
  const [lines, rest] = [[], []];
  const add = (row, line) => (later(row) ? rest : lines).push(line);
  for (const [name, row] of b) if (!a.has(name)) add(row, ["bad", `New: ${name}.`, link(chosen.to, row)]);
  for (const [name, row] of b) if (a.has(name)) add(row, ["mind", `The same in both: ${name}.`, link(chosen.to, row)]);
  for (const [name, row] of a) if (!b.has(name)) add(row, ["good", `Left behind: ${name}.`, link(chosen.from, row)]);
  const gradient = (found) => [...found.keys()].filter((name) => name.startsWith("gradient ")).sort().join("; ");
  const equal = gradient(a) === gradient(b);
  lines.unshift([equal ? "good" : "mind", "Gradients:", equal ? (gradient(a) ? `the same weakness on both sides (${gradient(a)}), so nothing changes.` : "right on both sides in these modes.") : `${shortly(chosen.from.call)}: ${gradient(a) || "right"}; ${shortly(chosen.to.call)}: ${gradient(b) || "right"}.`]);
  return { lines, rest };
}

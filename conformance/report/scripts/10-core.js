"use strict";
// Everything from records reaches the page through textContent: no markup is ever parsed here.

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** The bytes of an embedded data block, or null if the page has none of this name. */
async function inflated(name) {
  const holder = byId(`data-${name}`);
  if (!holder) return null;
  const text = holder.textContent.trim();
  const raw = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float64: Float64Array };
const blocks = new Map();

/** An embedded data block: its header, with the typed arrays under `arrays`. Decoded once. */
function block(name) {
  if (!blocks.has(name)) blocks.set(name, decoded(name));
  return blocks.get(name);
}

async function decoded(name) {
  const bytes = await inflated(name);
  if (!bytes) return null;
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const start = 4 + length;
  for (const [key, [type, offset, size]] of Object.entries(header.arrays)) {
    header.arrays[key] = new ARRAYS[type](bytes.buffer, start + offset, size);
  }
  return header;
}

/** A recorded number (hex float, inf, nan) as a number. */
function number(text) {
  if (text === "inf") return Infinity;
  if (text === "-inf") return -Infinity;
  const match = /^(-?)0x([0-9a-f])(?:\.([0-9a-f]*))?p([+-]?\d+)$/.exec(text);
  if (!match) return NaN;
  const digits = match[3] || "";
  const exponent = Number(match[4]) - 4 * digits.length;
  const half = Math.trunc(exponent / 2);
  const size = parseInt(match[2] + digits, 16) * 2 ** half * 2 ** (exponent - half);
  return match[1] ? -size : size;
}

/** A number for reading: the shortest decimal that is this float. */
function decimal(text) {
  const value = number(text);
  if (Number.isNaN(value)) return text;
  return Object.is(value, -0) ? "-0" : String(value).replace("Infinity", "∞");
}

function ulps(value) {
  if (typeof value !== "number") return value === undefined ? "" : String(value).replace("inf", "∞");
  if (value >= 1e5) return value.toExponential(1).replace("e+", "e");
  return value === 0 ? "0" : value < 10 ? value.toPrecision(3) : value.toFixed(value < 1000 ? 1 : 0);
}

/** The grade of a result error in a dtype of that precision. */
function grade(value, precision) {
  const size = typeof value === "number" ? value : Infinity;
  return size <= 1 ? "HA" : size <= 4 ? "LA" : size <= 2 ** (precision / 2) ? "EP" : "lost";
}

const say = (text) => { byId("said").textContent = text; };

/** A drawing is one image with one name; the groups inside have none of their own. */
function asImage(svg) {
  svg.setAttribute("role", "img");
  for (const group of svg.querySelectorAll("[aria-label], [aria-description]")) {
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-description");
  }
  return svg;
}

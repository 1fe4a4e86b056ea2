// TensorFlow.js: the backend in plain JavaScript (eager) and the one in WebAssembly (wasm), both on the CPU.
import { readSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

// The packages are those of the environment that is named, or of the folder in which the suite was started.
const from = createRequire(`${process.argv[2] || process.cwd()}/`);
let tf, layers;
try {
  tf = from("@tensorflow/tfjs-core");
  from("@tensorflow/tfjs-backend-cpu");
  from("@tensorflow/tfjs-backend-wasm");
  layers = from("@tensorflow/tfjs-layers");
} catch (error) {
  tf = undefined;
  layers = error;
}

const KINDS = { "<f4": [Float32Array, "float32"], "<i4": [Int32Array, "int32"], "|b1": [Uint8Array, "bool"] };
const NAMES = { float32: "<f4", int32: "<i4", bool: "|b1" };
const BACKENDS = { eager: "cpu", wasm: "wasm" };
const REDUCTIONS = {
  none: { spelled: "NONE" },
  sum: { spelled: "SUM" },
  mean: { spelled: "MEAN", divisor: "sum_of_weights" },
  mean_by_nonzero_weight: { spelled: "SUM_BY_NONZERO_WEIGHTS", divisor: "nonzero_weights" },
};
const IMPLEMENTATIONS = {
  "losses.sigmoidCrossEntropy": {
    facts: {
      target: "tf.losses.sigmoidCrossEntropy",
      documentation: "https://js.tensorflow.org/api/latest/#losses.sigmoidCrossEntropy",
      parameters: ["logits", "labels", "weight", "reduction", "label_smoothing"],
      reductions: REDUCTIONS,
      same_rank_weights: true,
    },
    call({ logits, labels, weight }, { reduction, label_smoothing: smoothing }) {
      const spelled = tf.Reduction[REDUCTIONS[reduction]?.spelled];
      if (spelled === undefined) throw new TypeError(`no reduction '${reduction}'`);
      return tf.losses.sigmoidCrossEntropy(labels, logits, weight, smoothing ?? 0, spelled);
    },
  },
  "metrics.binaryCrossentropy": {
    facts: {
      target: "tf.metrics.binaryCrossentropy",
      documentation: "https://js.tensorflow.org/api/latest/#metrics.binaryCrossentropy",
      parameters: ["probabilities", "labels"],
      takes: "probabilities",
      clamp: { kind: "probability", value: "1e-7" },
      note: "clips to [epsilon, 1 - epsilon], epsilon 1e-7; on a last axis of length one, over which it averages",
    },
    call({ probabilities, labels }) {
      return layers.metrics.binaryCrossentropy(tf.expandDims(labels, -1), tf.expandDims(probabilities, -1));
    },
  },
  "smoke check": { call: ({ logits, labels }) => tf.mul(tf.mul(logits, logits), labels) },
};

class NotOffered extends Error {}

const held = new Map();
let rest = Buffer.alloc(0), last = 0;

function more() {
  const piece = Buffer.alloc(1 << 16);
  let got;
  try {
    got = readSync(0, piece);
  } catch (error) {
    if (error.code === "EAGAIN") return;
    throw error;
  }
  if (!got) process.exit(0);
  rest = Buffer.concat([rest, piece.subarray(0, got)]);
}

function take(count) {
  const pieces = [rest];
  let have = rest.length;
  while (have < count) {
    rest = Buffer.alloc(0);
    more();
    pieces.push(rest);
    have += rest.length;
  }
  const whole = pieces.length > 1 ? Buffer.concat(pieces) : rest;
  rest = whole.subarray(count);
  return new Uint8Array(whole.subarray(0, count)); // a copy begins where a number may begin
}

function receive() {
  while (!rest.includes(10)) more();
  const head = JSON.parse(new TextDecoder().decode(take(rest.indexOf(10) + 1)));
  return [head, head.lengths.map(take)];
}

function send(head, parts = []) {
  const line = JSON.stringify({ ...head, lengths: parts.map((part) => part.length) }) + "\n";
  for (let left = Buffer.concat([Buffer.from(line), ...parts]); left.length; ) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

// What is differentiated, with the other operands as they are.
function along(request, operands, name) {
  const { call } = IMPLEMENTATIONS[request.implementation];
  return (value) => call({ ...operands, [name]: value }, request);
}

function results(request, operands) {
  const argument = IMPLEMENTATIONS[request.implementation].facts?.takes ?? "logits";
  const wrt = request.wrt in operands ? request.wrt : argument;
  const gradient = () => tf.grad(along(request, operands, wrt))(operands[wrt], operands.cotangent);
  const loss = () => IMPLEMENTATIONS[request.implementation].call(operands, request);
  switch (request.quantity) {
    case "loss": return [loss()];
    case "gradient": return [gradient()];
    case "both": return [loss(), gradient()];
    case "curvature": {
      const first = tf.grad((value) => tf.sum(along(request, operands, argument)(value)));
      return [tf.grad((value) => tf.sum(first(value)))(operands[argument])];
    }
  }
  throw new NotOffered(`no ${request.quantity}`);
}

function native({ values, shape, dtype }) {
  return tf.tensor(values, shape, dtype);
}

async function run({ request, operands }) {
  await tf.setBackend(BACKENDS[request.mode]);
  tf.engine().startScope();
  try {
    const given = Object.fromEntries(Object.entries(operands).map(([name, id]) => [name, native(held.get(id))]));
    return {
      results: results(request, given).map((tensor) => {
        held.set(--last, { dtype: tensor.dtype, shape: tensor.shape, values: tensor.dataSync().slice() });
        return { id: last, device: "cpu" };
      }),
    };
  } finally {
    tf.engine().endScope();
  }
}

const ANSWERS = {
  hello: ({ targets }) => {
    if (!tf) return { missing: "@tensorflow/tfjs-core", why: layers.message };
    if (targets.length) return { fault: "no implementations of files are judged in JavaScript" };
    const implementations = Object.entries(IMPLEMENTATIONS).filter(([, each]) => each.facts);
    return {
      hello: {
        name: "tfjs", packages: ["tfjs", "node"], versions: { tfjs: tf.version_core, node: process.versions.node },
        devices: ["cpu"], modes: ["eager", "wasm"], dtypes: ["float32"],
        quantities: ["loss", "gradient", "both", "curvature"], layouts: ["contiguous"],
        implementations: implementations.map(([name, { facts }]) => ({ name, ...facts })),
      },
    };
  },
  program: () => ({}),
  forget: () => ({}),
  run,
  where: () => ({ device: "cpu" }),
  ask: ({ what }) => ({ answer: { state: {}, threads: 1, literal: "", setup: [], script: [] }[what] }),
};

// What tfjs throws where it looks at its arguments is a plain Error.
function told(error) {
  const name = error.constructor === Error ? "ValueError" : error.name;
  return {
    error: {
      classes: [["builtins", name], ["builtins", "Exception"]], text: String(error.message).slice(0, 4000),
      raised_in: "tfjs", not_offered: error instanceof NotOffered,
    },
  };
}

for (;;) {
  const [head, parts] = receive();
  if (head.do === "quit") process.exit(0);
  try {
    for (const { id, dtype, shape } of head.place ?? []) {
      const bytes = parts.shift();
      if (!KINDS[dtype]) throw new NotOffered(`no tensors of ${dtype}`);
      const [kind, name] = KINDS[dtype];
      held.set(id, { dtype: name, shape, values: new kind(bytes.buffer) });
    }
    for (const id of head.free ?? []) held.delete(id);
    if (head.do === "fetch") {
      const { dtype, shape, values } = held.get(head.id);
      send({ array: { dtype: NAMES[dtype], shape } }, [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]);
    } else send(await ANSWERS[head.do](head));
  } catch (error) {
    send(told(error));
  }
}

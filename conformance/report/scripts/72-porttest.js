// A test that holds both sides of a port together, made of the code that was run.

const FRAMES = {
  pytorch: { make: (name, dtype) => `torch.tensor(${name}, dtype=torch.${dtype})`, grad: ["    x.requires_grad_()", "    loss = {f}(x, {rest})", "    loss.backward()", "    return loss.item(), x.grad.double().numpy()"] },
  tensorflow: { make: (name, dtype) => `tf.cast(${name}, tf.${dtype})`, grad: ["    with tf.GradientTape() as tape:", "        tape.watch(x)", "        loss = {f}(x, {rest})", "    return float(loss), tf.cast(tape.gradient(loss, x), tf.float64).numpy()"] },
  jax: { make: (name, dtype) => `jnp.asarray(${name}, dtype=jnp.${dtype})`, grad: ["    loss, gradient = jax.value_and_grad({f})(x, {rest})", "    return float(loss), np.asarray(gradient, dtype=np.float64)"] },
};
const SIZES = { multilabel: "(3, 2)", last: "(3, 2, 4, 2)", first: "(3, 2, 4, 2)", one: "(3, 2, 4, 1)", onefirst: "(3, 2, 4, 1)" };

function sideOf(side, name, chosen) {
  const frame = FRAMES[side.call.adapter];
  const wide = HALVES.includes(chosen.dtype) ? "float32" : chosen.dtype;
  const turned = side.shape.endsWith("first");
  const axes = (text) => (turned ? `np.moveaxis(${text}, -1, 1)` : text);
  const operands = [["z", chosen.dtype], ...(chosen.features.includes("weight") ? [["w", wide]] : []), ...(chosen.features.includes("classes") ? [["q", wide]] : []), ...(chosen.features.includes("mask") ? [["m", "bool"]] : [])];
  const made = operands.map(([letter, dtype]) => frame.make("zm".includes(letter) ? axes(letter) : letter, dtype)).join(", ");
  const lines = [`def ${name}(x, z${chosen.features.includes("weight") ? ", w" : ""}${chosen.features.includes("classes") ? ", q" : ""}${chosen.features.includes("mask") ? ", m" : ""}):`, `    x = ${frame.make(axes("x"), chosen.dtype)}`,
    ...frame.grad.map((line) => line.replace("{f}", `${name}_loss`).replace("{rest}", made))];
  if (turned) lines[lines.length - 1] = lines[lines.length - 1].replace(/, ([^,]+)$/, ", np.moveaxis($1, 1, -1)");
  return [side.recipe.code.trimEnd().replace("def loss_of(", `def ${name}_loss(`), "", ...lines].join("\n").replaceAll(/\bbce\b/g, `${name}_bce`);
}

function portTest(chosen) {
  const { features, from, to } = chosen;
  const has = (name) => features.includes(name);
  const given = ["x", "z", ...(has("weight") ? ["w"] : []), ...(has("classes") ? ["q"] : []), ...(has("mask") ? ["m"] : [])].join(", ");
  const size = SIZES[from.shape];
  const [close, near] = { float64: ["1e-12", "1e-13"], float32: ["1e-5", "1e-6"], bfloat16: ["1e-5", "1e-2"], float16: ["1e-5", "2e-3"] }[chosen.dtype];
  return ["import numpy as np", "", sideOf(from, "old", chosen), "", sideOf(to, "new", chosen), "",
    "def test_the_port_keeps_loss_and_gradient():", "    draw = np.random.default_rng(0)", `    x = np.round(8 * np.clip(draw.normal(0, 4, ${size}), -15, 15)) / 8`, `    z = (draw.random(${size}) < 0.5).astype(float)`,
    ...(has("weight") ? ["    w = np.array([0.5, 1.0, 3.0])"] : []), ...(has("classes") ? ["    q = np.array([2.0, 0.5])"] : []),
    ...(has("mask") ? [`    m = draw.random(${size}) < 0.75`, "    x, z = np.where(m, x, -np.inf), np.where(m, z, 0.0)"] : []),
    `    (old_value, old_gradient), (new_value, new_gradient) = old(${given}), new(${given})`, `    np.testing.assert_allclose(new_value, old_value, rtol=${close})`, `    np.testing.assert_allclose(new_gradient, old_gradient, rtol=0, atol=${near})`, ""].join("\n");
}

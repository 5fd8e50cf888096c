/**
 * Imports jax-js, with one of its devices as the default; undefined if that does not start. It reads two names of browsers and of
 * newer JavaScript without asking whether they exist: `navigator` (Node has it from 21) and `Float16Array` (from 24), which it only
 * compares against.
 */
export async function loadJax(device: "wasm" | "webgl" | "webgpu"): Promise<Jax | undefined> {
  for (const [name, substitute] of Object.entries({
    navigator: { userAgent: "node" },
    Float16Array: class {},
  })) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value: substitute });
  }
  const jax = await import("@jax-js/jax");
  if (!(await jax.init(device)).includes(device)) return undefined;
  jax.defaultDevice(device);
  return jax;
}

export type Jax = typeof import("@jax-js/jax");
/** An array on the device – or, while a function is traced, what stands for it. */
export type JaxArray = import("@jax-js/jax").Array;

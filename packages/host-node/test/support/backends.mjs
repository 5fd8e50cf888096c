/** Backends whose gradient is their logits, and some that break. */

const support = () => ({ ok: true });

const echo = (gradient = async () => {}) => ({
  info: {
    engine: { name: "echo", version: "1" },
    device: { kind: "cpu", name: "any" },
    threads: 1,
    dtypes: ["float32"],
  },
  supports: support,
  async prepare(task, { logits }) {
    return {
      readback: "copies",
      upload: async () => {},
      forward: async () => {},
      gradient: () => gradient(task),
      read: async () => ({ loss: Float32Array.of(task.rows), gradient: logits }),
      async [Symbol.asyncDispose]() {},
    };
  },
  async [Symbol.asyncDispose]() {},
});

const backend = (id, engine) => ({
  id,
  dtypes: ["float32"],
  probe: async () => ({ available: true }),
  open: async () => engine(),
});

/** The first gradient is computed when a backend is opened. */
const onTheSecond = (action) => {
  let calls = 0;
  return () => echo(async () => (calls++ > 0 ? action() : undefined));
};

const BACKENDS = {
  echo: backend("echo", () => echo()),
  hangs: backend(
    "hangs",
    onTheSecond(() => {
      for (;;);
    }),
  ),
  exits: backend(
    "exits",
    onTheSecond(() => {
      process.stderr.write("out of luck");
      process.exit(7);
    }),
  ),
};

export const loadBackend = async (id) => BACKENDS[id];

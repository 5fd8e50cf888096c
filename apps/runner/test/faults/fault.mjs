/**
 * Loaded before a process of the runner (`node --import`), to have it really go wrong: FAULT says how, FAULT_METHOD on
 * which method's cell a worker does. Parent and worker tell themselves apart by their main module.
 */
import { execFileSync, spawn } from "node:child_process";
import fs, { closeSync, writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";

const { FAULT = "", FAULT_METHOD = "" } = process.env;
const CHANNEL = 3;
const INPUTS = 4;

const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);

function fillHeap() {
  const held = [];
  for (;;) held.push(new Array(1e5).fill(0).map((_, index) => ({ index })));
}

/** Lines of 64 bytes, all of which have arrived when this returns. */
function writeMegabyte() {
  for (let line = 0; line < 2 ** 14; ) {
    try {
      if (writeSync(2, `${String(line).padStart(63)}\n`) > 0) line++;
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const WORKER_FAULTS = {
  SIGKILL: () => process.kill(process.pid, "SIGKILL"),
  SIGSTOP: () => process.kill(process.pid, "SIGSTOP"),
  hang: block,
  mute: () => {
    Socket.prototype.write = () => true;
  },
  spin: () => {
    for (;;);
  },
  "fill the heap": fillHeap,
  // A limit on its data segment is what takes memory from a process that a container does not kill at once.
  "fill memory": () => {
    execFileSync("prlimit", ["--data=2000000000", "--pid", String(process.pid)]);
    const held = [];
    for (;;) held.push(Buffer.alloc(2 ** 26, 1));
  },
  // Logits whose exponentials overflow.
  "large logits": () => writeSync(INPUTS, Float32Array.of(1000, 1000, 1000, 1000), 0, 16, 0),
  "exit 0": () => process.exit(0),
  garbage: () => writeSync(CHANNEL, Buffer.from([0, 1, 255, 254, 10, 200, 7, 10])),
  "other JSON": () => writeSync(CHANNEL, '{"type":"computed","samples":1}\n'),
  "a line without end": () => {
    Socket.prototype.write = () => true;
    const chunk = "x".repeat(2 ** 16);
    setInterval(() => {
      try {
        for (;;) writeSync(CHANNEL, chunk);
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;
      }
    }, 1);
  },
  "close the channel": () => {
    closeSync(CHANNEL);
    block();
  },
  "a megabyte on stderr": writeMegabyte,
  "a megabyte on stderr, and die": () => {
    writeMegabyte();
    process.kill(process.pid, "SIGKILL");
  },
};

/** A worker reads its tasks with JSON.parse. */
function misbehaveOn(method, fault) {
  const parse = JSON.parse;
  JSON.parse = (text, ...rest) => {
    const value = parse(text, ...rest);
    if (value?.type === "run" && value.method === method) fault();
    return value;
  };
}

const PARENT_FAULTS = {
  /** The clock goes back an hour when the third line of the journal is on the disk. */
  "clock back": () => {
    const now = Date.now;
    let offset = 0;
    afterSyncs(3, () => {
      offset = -3_600_000;
    });
    globalThis.Date = class extends Date {
      constructor(...args) {
        super(...(args.length ? args : [now() + offset]));
      }
      static now = () => now() + offset;
    };
  },
  "parent fills its heap": () => afterSyncs(6, fillHeap),
};

/** The journal syncs once per line. */
function afterSyncs(count, then) {
  const sync = fs.fdatasyncSync;
  let lines = 0;
  fs.fdatasyncSync = (descriptor) => {
    sync(descriptor);
    if (++lines === count) then();
  };
  syncBuiltinESMExports();
}

/** Of a revision's `bench`, as a gate starts it. */
const REVISION_FAULTS = {
  spins: () => {
    for (;;);
  },
  idles: () => new Promise(() => setInterval(() => {}, 2 ** 30)),
  // And leaves its process group.
  "ignores SIGTERM": () => {
    process.on("SIGTERM", () => {});
    spawn("sleep", ["600"], { detached: true, stdio: "inherit" }).unref();
    return new Promise(() => setInterval(() => {}, 2 ** 30));
  },
  prints: () => {
    process.stdout.write("hello");
    setInterval(() => console.log("hello"), 50).unref();
    process.on("exit", () => console.log("hello"));
  },
  "writes another schema": () => {
    const stringify = JSON.stringify;
    JSON.stringify = (value, ...rest) =>
      stringify(value?.schemaVersion ? { ...value, schemaVersion: 2 } : value, ...rest);
  },
  /** As a revision from before `--list-to` does, with something that prints into its list. */
  "is older, and prints": () => {
    if (!process.argv.includes("--list-to")) return process.stdout.write("hello");
    process.stderr.write("bench: unknown option '--list-to'\n");
    return process.exit(2);
  },
  exits: () => process.exit(0),
  throws: () => {
    throw new TypeError("boom is not a function");
  },
};

/** FAULT such as `candidate spins while measuring`, or `each side prints`, of the side whose folder this process is in. */
function revisionFault() {
  const side = process.cwd().includes("/revision-") ? "baseline" : "candidate";
  const step = process.argv.includes("--list") ? "listing" : "measuring";
  const [, ofSide, what, atStep = step] =
    /^(candidate|baseline|each side) (.+?)(?: while (\w+))?$/.exec(FAULT) ?? [];
  return (ofSide === side || ofSide === "each side") && atStep === step ? REVISION_FAULTS[what] : undefined;
}

const isWorker = process.argv[1]?.endsWith("/host-node/dist/worker.js");
/** wasm-simd without some methods, as any new adapter may be. */
const LACKS = "wasm-simd lacks ";
if (FAULT.startsWith(LACKS)) {
  const lacked = FAULT.slice(LACKS.length).split(",");
  const { METHODS } = await import("../../../../packages/adapter-wasm-simd/dist/methods.js");
  METHODS.splice(0, METHODS.length, ...METHODS.filter((method) => !lacked.includes(method)));
}

/** A backend that fails while it starts, as an adapter may that somebody is changing. */
const STARTING = {
  throws: () => {
    throw new TypeError("boom is not a function");
  },
  exits: () => process.exit(0),
  "is killed": () => process.kill(process.pid, "SIGKILL"),
  "prints into the channel": () => writeSync(CHANNEL, "hello\n"),
};
if (isWorker && FAULT.startsWith("the backend ")) {
  const { BACKENDS } = await import("../../dist/plan/backends.js");
  const backend = await BACKENDS["wasm-simd"]();
  backend.open = STARTING[FAULT.slice("the backend ".length)];
}

if (process.argv[2] === "bench") await revisionFault()?.();
if (FAULT === "candidate fails after the first look" && isWorker && !process.cwd().includes("/revision-")) {
  const parse = JSON.parse;
  JSON.parse = (text, ...rest) => {
    const value = parse(text, ...rest);
    // The first look times gradients alone.
    if (value?.type === "run" && value.sampling?.phases === "all") process.exit(0);
    return value;
  };
}
if (isWorker && FAULT in WORKER_FAULTS) misbehaveOn(FAULT_METHOD, WORKER_FAULTS[FAULT]);
if (!isWorker && FAULT in PARENT_FAULTS) PARENT_FAULTS[FAULT]();

/**
 * Loaded before a process of the runner (`node --import`), to have it really go wrong: FAULT says how, FAULT_METHOD on
 * which method's cell a worker does. Parent and worker tell themselves apart by their main module.
 */
import { execFileSync } from "node:child_process";
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

const isWorker = process.argv[1]?.endsWith("/worker/main.js");
/** wasm-simd without some methods, as any new adapter may be. */
const LACKS = "wasm-simd lacks ";
if (FAULT.startsWith(LACKS)) {
  const lacked = FAULT.slice(LACKS.length).split(",");
  const { METHODS } = await import("../../../../packages/adapter-wasm-simd/dist/methods.js");
  METHODS.splice(0, METHODS.length, ...METHODS.filter((method) => !lacked.includes(method)));
}

if (isWorker && FAULT in WORKER_FAULTS) misbehaveOn(FAULT_METHOD, WORKER_FAULTS[FAULT]);
if (!isWorker && FAULT in PARENT_FAULTS) PARENT_FAULTS[FAULT]();

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Checkout } from "../../dist/gate/checkout.js";
import { temporaryFolder } from "./cli.js";

/** A revision whose command line makes up what it measures. */
export interface FakeRevision {
  readonly name: string;
  /** Keys of the cells that it has. */
  readonly cells: readonly string[];
  /** Profiles that it knows; `gate` and `smoke`, as old revisions, by default. */
  readonly profiles?: readonly string[];
  /** Times of gradients in ns, by cell; a millisecond by default. */
  readonly ns?: Readonly<Record<string, number>>;
  /** Relative L2 error of every gradient, of which its digest is one. */
  readonly relL2?: number;
  /** Milliseconds that it takes for a cell. */
  readonly cellMs?: number;
  /** Counting instructions: it hangs, fails once a file is there, or counts these, a process each; 1000 by default. */
  readonly counting?: "hangs" | { readonly failsAfter: string } | { readonly counts: readonly number[] };
}

/** Its checkout, what it was started with, and the file with the id of the process that hangs. */
export interface FakeCheckout extends Checkout {
  calls(): string[][];
  readonly hanging: string;
}

const MAIN = `
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const { cells, profiles, ns, relL2, cellMs, counting, calls, hanging } = JSON.parse(FAKE);
const [, ...args] = process.argv.slice(2);
appendFileSync(calls, JSON.stringify(args) + "\\n");
const values = (flag) => args.flatMap((word, index) => (word === flag ? args[index + 1].split(",") : []));
const [profile = "gate"] = values("--profile");
if (!profiles.includes(profile)) {
  console.error('bench: unknown profile "' + profile + '"');
  process.exit(2);
}
const [listTo] = values("--list-to");
if (listTo !== undefined) {
  const part = (cell, index) => cell.split(" ").at(index);
  const dtypes = values("--dtype");
  const workloads = values("--workload");
  const wanted = cells.filter(
    (cell) =>
      (dtypes.length ? dtypes : ["float32", "float64"]).includes(part(cell, 2)) &&
      (workloads.length === 0 || workloads.includes(part(cell, -1))),
  );
  writeFileSync(listTo, JSON.stringify({ cells: wanted }));
  process.exit(0);
}
const asked = values("--cell");
const [countTo] = values("--count-to");
if (countTo !== undefined) {
  if (counting === "hangs") {
    writeFileSync(hanging, String(process.pid));
    await delay(600_000);
  }
  if (counting?.failsAfter) {
    while (!existsSync(counting.failsAfter)) await delay(20);
    process.exit(2);
  }
  const claim = (index) => {
    try {
      mkdirSync(calls + index);
      return true;
    } catch {
      return false;
    }
  };
  let index = 0;
  while (!claim(index)) index++;
  const instructions = counting?.counts[index] ?? 1000;
  const counted = asked.map((cell) => ({ cell, status: "ok", instructions }));
  writeFileSync(countTo, JSON.stringify({ simulator: "none", cells: counted }));
  process.exit(0);
}
await delay(cellMs * asked.length);
const time = (medianNs) => ({ medianNs, madNs: 0, coverage: 0, scope: "process", samples: [medianNs] });
const gradient = {
  relL2, maxAbs: relL2, sumAbs: relL2, maxUlp: 1, p99Ulp: 1, medianUlp: 1, nonFinite: 0, rowSumResidual: 0,
};
const results = {
  schemaVersion: 1,
  run: {
    id: "fake", startedAt: "2026-01-01T00:00:00.000Z", finishedAt: "2026-01-01T00:00:10.000Z",
    profile, argv: [], commit: null,
  },
  environment: { cpu: "c", cores: 2, os: "o", node: "v20", versions: {} },
  backends: [{ id: "wasm-simd", status: "available" }],
  cells: asked.map((cell) => {
    const [backend, method, dtype, workload] = cell.split(" ");
    return {
      backend, method, dtype, workload, status: "ok",
      gradientDigest: "sha256:" + Buffer.from(String(relL2)).toString("hex").padEnd(64, "0").slice(0, 64),
      ...(profile === "gate" ? { timing: { gradient: time(ns[cell] ?? 1e6) } } : {}),
      ...(profile === "smoke" ? { accuracy: { lossRelError: 0, gradient } } : {}),
    };
  }),
  distances: [],
};
const [out] = values("--out");
mkdirSync(join(out, "fake"), { recursive: true });
writeFileSync(join(out, "fake", "results.json"), JSON.stringify(results));
`;

export function fakeCheckout({ name, ...revision }: FakeRevision): FakeCheckout {
  const folder = temporaryFolder();
  const [calls, hanging, main] = ["calls.jsonl", "hanging.txt", "main.mjs"].map((file) =>
    join(folder, file),
  ) as [string, string, string];
  const fake = {
    profiles: ["gate", "smoke"],
    ns: {},
    relL2: 1e-7,
    cellMs: 0,
    ...revision,
    calls,
    hanging,
  };
  writeFileSync(
    main,
    MAIN.replace("FAKE", () => JSON.stringify(JSON.stringify(fake))),
  );
  return {
    name,
    folder,
    main,
    hanging,
    calls: () =>
      existsSync(calls)
        ? readFileSync(calls, "utf8")
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line))
        : [],
  };
}

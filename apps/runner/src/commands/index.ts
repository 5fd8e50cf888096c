import type { Console } from "../console.js";
import { bench } from "./bench.js";
import { compare } from "./compare.js";
import { depth } from "./depth.js";
import { doctor } from "./doctor.js";
import { exportModel } from "./export.js";
import { gate } from "./gate.js";
import { gradcheck } from "./gradcheck.js";
import { gradient } from "./gradient.js";
import { history } from "./history.js";
import { limit } from "./limit.js";
import { merge } from "./merge.js";
import { precision } from "./precision.js";
import { provision } from "./provision.js";
import { report } from "./report.js";
import { scaling } from "./scaling.js";
import { validateGate } from "./validate-gate.js";

/** Every command by the name that users type. Each takes its arguments and returns its exit code. */
export const COMMANDS: Readonly<
  Record<string, (argv: readonly string[], console: Console) => Promise<number>>
> = {
  bench,
  merge,
  report,
  compare,
  gate,
  "validate-gate": validateGate,
  history,
  precision,
  depth,
  scaling,
  limit,
  gradcheck,
  gradient,
  export: exportModel,
  doctor,
  provision,
};

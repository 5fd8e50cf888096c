import { exactTarget } from "./exact-target.js";
import type { Formulation } from "./formulation.js";
import { fused } from "./fused.js";
import { library } from "./library.js";
import { logSoftmaxFormulation } from "./log-softmax.js";
import { naive } from "./naive.js";
import { shifted, shiftedDetached } from "./shifted.js";
import { twoPass } from "./two-pass.js";

/** Every formulation, in the order in which reports list them. A new one is a file and a line here. */
export const FORMULATIONS: readonly Formulation[] = [
  naive,
  shifted,
  shiftedDetached,
  logSoftmaxFormulation,
  library,
  exactTarget,
  fused,
  twoPass,
];

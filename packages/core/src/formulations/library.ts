import { softmaxCrossEntropyLoss } from "@softmax-bench/graph";
import type { Formulation } from "./formulation.js";

/** The loss that the library itself ships: one node, which each backend reads with its own function. */
export const library: Formulation = {
  id: "library",
  summary: "the loss the library ships",
  loss: ({ logits, labels }) => softmaxCrossEntropyLoss(logits, labels).loss,
};

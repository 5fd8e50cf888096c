import type { Readers } from "./reader.js";

/** A known condition selects a branch when the model is read. */
export const CONTROL: Readers = {
  If: (node) => {
    const holds = Number(node.constant(0).data[0]) !== 0;
    node.ignore(holds ? "else_branch" : "then_branch");
    return node.branch(holds ? "then_branch" : "else_branch");
  },
};

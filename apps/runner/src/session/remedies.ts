import type { Place } from "@softmax-bench/core";
import { remedyForCrash, remedyForThrown } from "@softmax-bench/host-node";
import { remedyForPythonCrash } from "@softmax-bench/host-python";
import { kindOfHost } from "../plan/host-requests.js";
import { PAGE_REMEDIES, type Remedies } from "./host-table.js";

const PROCESS_REMEDIES: Remedies = { forCrash: remedyForCrash, forThrown: remedyForThrown };
const PYTHON_REMEDIES: Remedies = { forCrash: remedyForPythonCrash, forThrown: remedyForThrown };

/** The remedies for backends in a place. */
export function remediesOf({ host }: Place): Remedies {
  switch (host === undefined ? "node" : kindOfHost(host)) {
    case "python":
      return PYTHON_REMEDIES;
    case "browser":
      return { ...PAGE_REMEDIES, forThrown: remedyForThrown };
    default:
      return PROCESS_REMEDIES;
  }
}

import type { Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { machinesOf, resultsOfMachine } from "./machines.js";

/** A run that a page shows; `name` says where it came from. */
export interface PageRun {
  readonly name: string;
  readonly results: Results;
}

const DATA = '<script type="application/json" id="runs">[]</script>';
const NO_CONNECTIONS = "connect-src 'none'";

/**
 * The report page with runs in it: one HTML file that loads nothing else.
 *
 * @param template the built page of `@softmax-bench/viewer`
 * @param live the page is served by the program that watches the run, and may ask it for news
 * @throws Error if the template is another file
 */
export function renderPage(template: string, runs: readonly PageRun[], { live = false } = {}): string {
  if (!template.includes(DATA) || !template.includes(NO_CONNECTIONS)) {
    throw new Error("the page of @softmax-bench/viewer is not as this package expects it; build both anew");
  }
  const entries = runs
    .flatMap(ofEachMachine)
    .map(({ name, results }) => `{"name":${JSON.stringify(name)},"results":${formatResults(results, 0)}}`);
  // No text of a results file may end the element that it stands in.
  const json = `[${entries.join(",")}]`.replaceAll("<", "\\u003c");
  const data = `<script type="application/json" id="runs"${live ? " data-live" : ""}>${json}</script>`;
  return template
    .replace(NO_CONNECTIONS, () => (live ? "connect-src 'self'" : NO_CONNECTIONS))
    .replace(DATA, () => data);
}

/** The page ranks the cells of a run, and those of two machines are not to be ranked: to it, each is a run. */
function ofEachMachine({ name, results }: PageRun): PageRun[] {
  const machines = machinesOf(results);
  if (machines.length === 0) return [{ name, results }];
  return machines.map((machine) => ({
    name: `${name}, ${machine.label}`,
    results: resultsOfMachine(results, machine),
  }));
}

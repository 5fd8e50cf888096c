import type { Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";

/** A run shown by a page; `name` says where it came from. */
export interface PageRun {
  readonly name: string;
  readonly results: Results;
}

const DATA = '<script type="application/json" id="runs">[]</script>';
const NO_CONNECTIONS = "connect-src 'none'";

/**
 * Renders the report page with its runs: one HTML file that loads nothing else.
 *
 * @param template the built page of `@softmax-bench/viewer`
 * @param live the page is served by the program that watches the run, and may ask it for updates
 * @throws Error if the template is a different file
 */
export function renderPage(template: string, runs: readonly PageRun[], { live = false } = {}): string {
  if (!template.includes(DATA) || !template.includes(NO_CONNECTIONS)) {
    throw new Error("the page of @softmax-bench/viewer is not as this package expects it; build both anew");
  }
  const entries = runs.map(
    ({ name, results }) => `{"name":${JSON.stringify(name)},"results":${formatResults(results, 0)}}`,
  );
  // No text of a results file may close the element that contains it.
  const json = `[${entries.join(",")}]`.replaceAll("<", "\\u003c");
  const data = `<script type="application/json" id="runs"${live ? " data-live" : ""}>${json}</script>`;
  return template
    .replace(NO_CONNECTIONS, () => (live ? "connect-src 'self'" : NO_CONNECTIONS))
    .replace(DATA, () => data);
}

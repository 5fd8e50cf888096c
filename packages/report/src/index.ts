export { formatCount, formatDuration, formatError } from "./format.js";
export { bencherMetrics } from "./formats/bencher.js";
export { githubActionBenchmark } from "./formats/github-action-benchmark.js";
export { goBenchmarkText } from "./formats/go-benchmark.js";
export { junitXml } from "./formats/junit.js";
export type { GradcheckRecord } from "./gradcheck.js";
export type { GradientRecord } from "./gradients.js";
export { historyPage } from "./history.js";
export { renderComparisonMarkdown, renderMarkdown } from "./markdown.js";
export {
  renderComparison,
  renderDoctor,
  renderGradcheck,
  renderGradients,
  renderTerminal,
  type TerminalOptions,
} from "./terminal.js";
export { errorBound, RECOMMENDED_ROUNDOFFS } from "./verdict.js";
export { type ReportView, viewOf, type WorkloadView } from "./view.js";

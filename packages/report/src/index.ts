export type { ExaminedBackend } from "./availability.js";
export { bestGradient, candidates, contenders, timeOf, withProcess } from "./best-gradient.js";
export { explainVerdict } from "./comparison.js";
export { bencherMetrics } from "./formats/bencher.js";
export { githubActionBenchmark } from "./formats/github-action-benchmark.js";
export { goBenchmarkText } from "./formats/go-benchmark.js";
export { junitXml } from "./formats/junit.js";
export type { GradcheckRecord } from "./gradcheck.js";
export type { GradientRecord } from "./gradient-record.js";
export { type History, trackRuns } from "./history/history.js";
export { historyJson } from "./history/json.js";
export { historyLines } from "./history/lines.js";
export { historyPage } from "./history/page.js";
export { type BoundRatio, type GradientVerdict, isWithinLimit } from "./judgement.js";
export type { NativeTime } from "./limit.js";
export { renderComparisonMarkdown, renderMarkdown } from "./markdown.js";
export * from "./model.js";
export { type PageRun, renderPage } from "./page.js";
export {
  renderComparison,
  renderDoctor,
  renderGradcheck,
  renderGradients,
  renderHosts,
  renderJudgement,
  renderLimit,
  renderSummary,
  renderTerminal,
  type TerminalOptions,
} from "./terminal.js";
export { oneLine, printable } from "./untrusted.js";

export { formatCount, formatDuration, formatError } from "./format.js";
export type { GradcheckRecord } from "./gradcheck.js";
export type { GradientRecord } from "./gradients.js";
export { renderMarkdown } from "./markdown.js";
export {
  renderDoctor,
  renderGradcheck,
  renderGradients,
  renderTerminal,
  type TerminalOptions,
} from "./terminal.js";
export { errorBound, RECOMMENDED_ROUNDOFFS } from "./verdict.js";
export { type ReportView, viewOf, type WorkloadView } from "./view.js";

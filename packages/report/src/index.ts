export { formatDuration, formatError } from "./format.js";
export { renderMarkdown } from "./markdown.js";
export { renderDoctor, renderTerminal, type TerminalOptions } from "./terminal.js";
export { errorBound, RECOMMENDED_ROUNDOFFS } from "./verdict.js";
export { type ReportView, viewOf, type WorkloadView } from "./view.js";

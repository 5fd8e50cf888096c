export type { GradcheckRecord } from "./gradcheck.js";
export type { GradientRecord } from "./gradients.js";
export { renderMarkdown } from "./markdown.js";
export * from "./model.js";
export { type PageRun, renderPage } from "./page.js";
export {
  renderDoctor,
  renderGradcheck,
  renderGradients,
  renderTerminal,
  type TerminalOptions,
} from "./terminal.js";

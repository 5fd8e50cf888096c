import { markdownTable } from "markdown-table";
import { type Block, documentOf } from "./document.js";
import { oneLine } from "./untrusted.js";
import type { ReportView } from "./view.js";

/** A report as GitHub-flavoured Markdown. */
export function renderMarkdown(view: ReportView): string {
  return `${documentOf(view, "complete").map(render).join("\n\n")}\n`;
}

function render(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `${"#".repeat(block.level)} ${escape(block.text)}`;
    case "paragraph":
      return block.emphasis ? `**${escape(block.text)}**` : escape(block.text);
    case "list":
      return block.items.map((item) => `- ${escape(item)}`).join("\n");
    case "table":
      return markdownTable([block.header.map(escape), ...block.rows.map((row) => row.map(escape))], {
        align: block.header.map((_, column) => (block.numeric.includes(column) ? "right" : "left")),
      });
  }
}

/** Text that may hold anything, as Markdown that shows just that. */
function escape(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\`*_{}[\]()#+!|~@]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("://", ":&#8203;//");
}

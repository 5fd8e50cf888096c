import type { Comparison } from "@softmax-bench/regression";
import { markdownTable } from "markdown-table";
import type { Block } from "./block.js";
import { comparisonBlocks } from "./comparison.js";
import { buildDocument } from "./document.js";
import { oneLine } from "./untrusted.js";
import type { ReportView } from "./view.js";

/** A report as GitHub-flavoured Markdown. */
export function renderMarkdown(view: ReportView): string {
  return `${buildDocument(view, "complete").map(render).join("\n\n")}\n`;
}

/**
 * Renders a comparison as GitHub-flavoured Markdown. If it is too long, the least important rows are omitted, and the
 * text says how many.
 *
 * @param maxBytes of UTF-8
 */
export function renderComparisonMarkdown(
  comparison: Comparison,
  maxBytes = Number.POSITIVE_INFINITY,
): string {
  for (let rows = comparison.cells.length; ; rows = Math.floor(rows / 2)) {
    const text = `${comparisonBlocks(comparison, rows).map(render).join("\n\n")}\n`;
    if (Buffer.byteLength(text) <= maxBytes) return text;
    if (rows === 0)
      return Buffer.from(text)
        .subarray(0, maxBytes)
        .toString("utf8")
        .replace(/\uFFFD$/, "");
  }
}

function render(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `${"#".repeat(block.level)} ${escapeMarkdown(block.text)}`;
    case "paragraph":
      return block.emphasis ? `**${escapeMarkdown(block.text)}**` : escapeMarkdown(block.text);
    case "image":
      return `![${escapeMarkdown(block.text)}](${block.file})`;
    case "list":
      return block.items.map((item) => `- ${escapeMarkdown(item)}`).join("\n");
    case "table":
      return markdownTable(
        [block.header.map(escapeMarkdown), ...block.rows.map((row) => row.map(escapeMarkdown))],
        {
          align: block.header.map((_, column) => (block.numeric.includes(column) ? "right" : "left")),
        },
      );
  }
}

/**
 * Escapes arbitrary text so that Markdown shows it literally. GitHub creates links (addresses, mentions) after parsing,
 * which a backslash does not prevent, so an invisible space breaks those up.
 */
function escapeMarkdown(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\`*_{}[\]()#+!|~$]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/^-(?=[ -]|$)|(?<=^\d+)\.(?= |$)/, "\\$&")
    .replaceAll("://", ":&#8203;//")
    .replaceAll("@", "@&#8203;")
    .replaceAll(/www(?=\.)/gi, "$&&#8203;");
}

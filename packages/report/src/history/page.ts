import { plural } from "@softmax-bench/core";
import type { Change, TrackedSeries } from "@softmax-bench/regression";
import { chart, sparkline } from "./chart.js";
import { escapeHtml } from "./escape-html.js";
import {
  contextOf,
  describeRange,
  describeRest,
  describeShared,
  findings,
  formatSize,
  formatSizeInterval,
  formatValue,
  type History,
  titleOf,
} from "./history.js";
import { STYLE } from "./style.js";

/** Charts of changes beyond this are left to the table: a page has to open. */
const MOST_CHARTS = 60;

/**
 * Renders the history of a branch as an HTML page without scripts: one profile at a time, its changes for the worse first,
 * then those for the better, each with a chart, and all series in a table.
 */
export function historyPage({ branch, series }: History): string {
  const title = `softmax-bench: ${escapeHtml(branch)}`;
  const profiles = [...new Set(series.map(({ profile }) => profile))].map((name, index) => ({
    name,
    id: `profile-${index}`,
    own: series.filter(({ profile }) => profile === name),
  }));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}${profiles.map(({ id }) => `#${id}:checked~main .${id}{display:block}`).join("")}</style></head>
<body><h1>${title}</h1>
${profiles.map(({ name, id }, index) => `<input type="radio" name="profile" id="${id}"${index === 0 ? " checked" : ""}><label for="${id}">${escapeHtml(name)}</label>`).join("\n")}
<main>
${profiles.map(({ id, own }) => `<div class="profile ${id}">${profileSection(own)}</div>`).join("\n") || "<p>No run yet.</p>"}
</main>
</body></html>
`;
}

const profileSection = (series: readonly TrackedSeries[]): string =>
  [
    changesSection("Changes for the worse", "regression", series),
    changesSection("Changes for the better", "improvement", series),
    ...describeShared(series).map((line) => `<p>${escapeHtml(line)}</p>`),
    `<p>${describeRest(series)}</p>`,
    table(series),
  ].join("\n");

function changesSection(
  heading: string,
  verdict: Change["verdict"],
  series: readonly TrackedSeries[],
): string {
  const ordered = [...new Set(findings(series, verdict).map((finding) => finding.series))];
  const rest = ordered.length - MOST_CHARTS;
  return `<h2>${heading}</h2>
${ordered
  .slice(0, MOST_CHARTS)
  .map((each) => figure(each, verdict))
  .join(
    "\n",
  )}${ordered.length === 0 ? "<p>None.</p>" : ""}${rest > 0 ? `<p>${plural(rest, "more series", "more series")} in the table below.</p>` : ""}`;
}

function figure(series: TrackedSeries, verdict: Change["verdict"]): string {
  const changes = series.changes.filter((change) => change.verdict === verdict);
  const items = changes.map(
    (change) =>
      `<li><b class="${verdict}">${formatSize(change.size)}</b> ${formatSizeInterval(change)}: ${escapeHtml(`${formatValue(series, change.before)} → ${formatValue(series, change.after)}`)}, <code>${escapeHtml(describeRange(change))}</code>${change.causes.map((cause) => `; ${escapeHtml(cause)}`).join("")}</li>`,
  );
  return `<figure><figcaption><b>${escapeHtml(titleOf(series))}</b><br><small>${escapeHtml(contextOf(series))}</small></figcaption>
${chart(series)}
<ul>${items.join("")}</ul></figure>`;
}

function table(series: readonly TrackedSeries[]): string {
  const rows = series.map((each) => {
    const last = each.points.at(-1);
    const cells = [
      escapeHtml(titleOf(each)),
      escapeHtml(each.machine ?? "any"),
      String(each.points.length),
      sparkline(each),
      last ? escapeHtml(formatValue(each, last.value)) : "",
      each.changes.map(({ size, verdict }) => `<b class="${verdict}">${formatSize(size)}</b>`).join(" ") ||
        each.state,
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  const header = ["series", "machine", "runs", "over time", "last", "changes"];
  return `<details><summary>All ${series.length} series</summary><div class="scroll" tabindex="0" role="region" aria-label="All series"><table><thead><tr>${header.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div></details>`;
}

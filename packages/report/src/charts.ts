import * as Plot from "@observablehq/plot";
import type { Depth } from "@softmax-bench/core";
import { parseHTML } from "linkedom";
import type { Chart } from "./depth.js";
import { layerPlot, trainingPlot } from "./depth-plots.js";
import { oneLine } from "./untrusted.js";

const SVG = "http://www.w3.org/2000/svg";

/** Renders charts as standalone SVG files on white. */
export function renderChart({ kind, dtype, text }: Chart, { networks }: Depth): string {
  const drawn = networks.filter((network) => network.dtype === dtype && network.status === "ok");
  const plot = kind === "layers" ? layerPlot(drawn) : trainingPlot(drawn);
  const { document } = parseHTML("<html><body></body></html>");
  const svg = Plot.plot({
    ...plot,
    document,
    style: { background: "white", color: "#222", fontFamily: "system-ui, sans-serif", fontSize: "12px" },
    width: 1000,
  });
  svg.setAttribute("xmlns", SVG);
  svg.setAttribute("role", "img");
  const title = document.createElementNS(SVG, "title");
  title.textContent = oneLine(text);
  svg.prepend(title);
  return `${svg.outerHTML}\n`;
}

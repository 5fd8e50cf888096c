import * as Plot from "@observablehq/plot";
import type { NetworkRecord } from "@softmax-bench/core";
import { shorten } from "@softmax-bench/core";
import { relativeDifferences } from "./depth.js";
import { oneLine } from "./untrusted.js";

/** Charts of the depth experiment, for files and for the page. */

/** Space for the backends' names at the right of the panels. */
const LAYOUT = {
  marginLeft: 60,
  marginRight: 130,
  marginTop: 40,
  marginBottom: 40,
  grid: true,
  facet: { marginRight: 130 },
} satisfies Plot.PlotOptions;

/** A backend's name, shortened to fit a chart. */
const shortName = ({ backend }: NetworkRecord): string => shorten(oneLine(backend), 24);

const QUANTITIES = {
  "by hand − automatic": ({ distance }) => distance.relL2,
  "other order − automatic": ({ reordering }) => reordering.relL2,
  "error by hand": ({ error }) => error?.manual,
  "error automatic": ({ error }) => error?.autograd,
} satisfies Record<
  string,
  (layer: NetworkRecord["layers"][number]) => { median: number; samples: readonly number[] } | undefined
>;

/** One panel for each quantity and backend, with one line for each depth, from the images to the logits. */
export function layerPlot(networks: readonly NetworkRecord[]): Plot.PlotOptions {
  const points = networks.flatMap((network) =>
    network.layers.flatMap((layer, index) =>
      Object.entries(QUANTITIES).flatMap(([quantity, of]) => {
        const { median: value, samples = [] } = of(layer) ?? { median: Number.NaN };
        // A logarithmic axis shows positive values only.
        const sorted = [value, ...samples].toSorted((a, b) => a - b);
        const [low = 0, high = 0] = [sorted[0], sorted.at(-1)];
        if (!sorted.every(Number.isFinite) || low <= 0) return [];
        const last = index === network.layers.length - 1;
        return [
          {
            quantity,
            low,
            high,
            last,
            backend: shortName(network),
            depth: network.depth,
            layer: index + 1,
            value,
          },
        ];
      }),
    ),
  );
  const at = { x: "layer", fx: "quantity", fy: "backend", stroke: "depth" };
  return {
    ...LAYOUT,
    height: panelHeight(points),
    fx: { label: null, domain: Object.keys(QUANTITIES) },
    fy: { label: null },
    x: {
      label: "layer, from the images to the logits →",
      ticks: wholeNumbers(Math.max(1, ...networks.map(({ depth }) => depth))),
      tickFormat: "d",
    },
    y: {
      type: "log",
      label: "↑ relative L2, median and range over seeds; a line for each depth",
      tickFormat: exponential,
    },
    color: { type: "ordinal", scheme: "observable10" },
    marks: [
      Plot.frame({ stroke: "#ddd" }),
      Plot.ruleX(points, { ...at, y1: "low", y2: "high", strokeOpacity: 0.3 }),
      Plot.lineY(points, { ...at, y: "value", z: "depth" }),
      Plot.dot(points, { ...at, y: "value", r: 1.5, fill: "depth" }),
      Plot.text(
        // There is no room for more where lines of other panels begin.
        points.filter(({ last, quantity }) => last && quantity === Object.keys(QUANTITIES)[0]),
        {
          x: "layer",
          fx: "quantity",
          fy: "backend",
          y: "value",
          text: "depth",
          dx: 5,
          textAnchor: "start",
        },
      ),
    ],
  };
}

/** One panel for each depth and backend: the distance of losses from those of the automatic gradient. */
export function trainingPlot(networks: readonly NetworkRecord[]): Plot.PlotOptions {
  const points = networks.flatMap((network) => {
    const { training } = network;
    if (!training) return [];
    const { manual, autograd, reordered } = training;
    return Object.entries({ "by hand": manual, "automatic, other order": reordered }).flatMap(
      ([variant, losses]) =>
        relativeDifferences(losses, autograd).flatMap((difference, step) =>
          difference > 0 && Number.isFinite(difference)
            ? [
                {
                  variant,
                  difference,
                  step: step + 1,
                  depth: `depth ${network.depth}`,
                  backend: shortName(network),
                },
              ]
            : [],
        ),
    );
  });
  // Every panel has both lines; the first one names them.
  const names = [...new Map(points.map((point) => [point.variant, point])).values()];
  const at = { x: "step", y: "difference", fx: "depth", fy: "backend" };
  return {
    ...LAYOUT,
    height: panelHeight(points),
    fx: { label: null, domain: [...new Set(points.map(({ depth }) => depth))] },
    fy: { label: null },
    x: { label: "step →", tickFormat: "d" },
    y: {
      type: "log",
      label: "↑ relative difference of the loss from that of the automatic gradient",
      tickFormat: exponential,
    },
    color: { type: "ordinal", scheme: "observable10" },
    marks: [
      Plot.frame({ stroke: "#ddd" }),
      Plot.lineY(points, { ...at, stroke: "variant", z: "variant" }),
      ...names.map((name, line) =>
        Plot.text([name], {
          fx: "depth",
          fy: "backend",
          fill: "variant",
          text: "variant",
          frameAnchor: "top-left",
          dx: 6,
          dy: 4 + 14 * line,
        }),
      ),
    ],
  };
}

/** At most 6 whole numbers, from 1 or more up. */
function wholeNumbers(most: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100].find((size) => most / size <= 6) ?? Math.ceil(most / 6);
  return Array.from({ length: Math.floor(most / step) }, (_, index) => (index + 1) * step);
}

const exponential = (value: number): string => value.toExponential(0).replace("e+", "e");

const panelHeight = (points: readonly { readonly backend: string }[]): number =>
  100 + 180 * Math.max(1, new Set(points.map(({ backend }) => backend)).size);

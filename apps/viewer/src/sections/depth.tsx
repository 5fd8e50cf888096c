import type { Depth as DepthRecord, Results } from "@softmax-bench/core";
import { layerPlot, trainingPlot } from "@softmax-bench/report/depth-plots";
import { depthView, oneLine } from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { Chart } from "../components/chart.js";
import { Figure } from "../components/figure.js";
import { Findings } from "../components/findings.js";
import { Section } from "./section.js";

/** Gradients of networks as depth grows. */
export function Depth({ results, depth }: { results: Results; depth: DepthRecord }) {
  const view = useMemo(() => depthView(results), [results]);
  if (!view) return null;
  return (
    <Section id="depth" title={oneLine(view.heading)}>
      <p class="answer">{oneLine(view.answer)}</p>
      <ul>
        {view.premises.map((premise) => (
          <li key={premise}>{oneLine(premise)}</li>
        ))}
      </ul>
      {view.charts.map(({ kind, dtype, text }) =>
        kind === "layers" ? (
          <Layers key={kind + dtype} depth={depth} dtype={dtype} text={text} />
        ) : (
          <Training key={kind + dtype} depth={depth} dtype={dtype} text={text} />
        ),
      )}
      <Findings findings={view.findings} />
    </Section>
  );
}

interface ChartOf {
  readonly depth: DepthRecord;
  readonly dtype: DepthRecord["networks"][number]["dtype"];
  readonly text: string;
}

const selectNetworks = ({ depth, dtype }: ChartOf) =>
  depth.networks.filter((network) => network.dtype === dtype && network.status === "ok");

function Layers(of: ChartOf) {
  const networks = useMemo(() => selectNetworks(of), [of.depth, of.dtype]);
  const options = useMemo(() => layerPlot(networks), [networks]);
  return (
    <Figure
      caption={oneLine(of.text)}
      numbers={{
        name: `depth-${of.dtype}`,
        columns: ["backend", "depth", "layer", "distance", "other order", "error by hand", "error automatic"],
        rows: networks.flatMap(({ backend, depth, layers }) =>
          layers.map(({ name, distance, reordering, error }) => [
            ...[backend, depth, name, distance.relL2.median, reordering.relL2.median],
            ...[error?.manual.median, error?.autograd.median],
          ]),
        ),
      }}
    >
      <Chart options={options} label={oneLine(of.text)} leastWidth={900} />
    </Figure>
  );
}

function Training(of: ChartOf) {
  const networks = useMemo(() => selectNetworks(of), [of.depth, of.dtype]);
  const options = useMemo(() => trainingPlot(networks), [networks]);
  return (
    <Figure
      caption={oneLine(of.text)}
      numbers={{
        name: `training-${of.dtype}`,
        columns: ["backend", "depth", "step", "by hand", "automatic", "automatic, other order"],
        rows: networks.flatMap(({ backend, depth, training }) =>
          (training?.autograd ?? []).map((loss, step) => [
            ...[backend, depth, step + 1, training?.manual[step], loss],
            training?.reordered[step],
          ]),
        ),
      }}
    >
      <Chart options={options} label={oneLine(of.text)} leastWidth={700} />
    </Figure>
  );
}

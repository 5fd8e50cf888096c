import { plural, type Results } from "@softmax-bench/core";
import {
  apart,
  type Constraints,
  DEFAULT_CONSTRAINTS,
  hostsView,
  oneLine,
  runView,
} from "@softmax-bench/report/model";
import { useCallback, useMemo, useState } from "preact/hooks";
import { Select, shortName } from "./components/choices.js";
import { useDroppedFiles } from "./dropped-files.js";
import { useLive } from "./live.js";
import { type Loaded, readText } from "./runs.js";
import { ByHand } from "./sections/by-hand.js";
import { Comparison } from "./sections/comparison.js";
import { Depth } from "./sections/depth.js";
import { Distributions } from "./sections/distributions.js";
import { Environment } from "./sections/environment.js";
import { Filters } from "./sections/filters.js";
import { Hosts } from "./sections/hosts.js";
import { Limit } from "./sections/limit.js";
import { Matrix } from "./sections/matrix.js";
import { Scaling } from "./sections/scaling.js";
import { Sweeps } from "./sections/sweeps.js";
import { TradeOff } from "./sections/trade-off.js";
import { Verdict } from "./sections/verdict.js";
import {
  collectChoices,
  type Selection,
  selectedCells,
  selectedWorkload,
  withinChoices,
} from "./selection.js";

/** The page: one run in full, all of them compared. */
export function App({ initial, isLive }: { initial: readonly Loaded[]; isLive: boolean }) {
  const [loaded, setLoaded] = useState(initial);
  const [shown, show] = useState(0);
  const silence = useLive(
    isLive,
    // The run that is followed comes first; others were measured in visitors' browsers.
    useCallback((run) => setLoaded(([, ...others]) => [run, ...others]), []),
  );
  const open = async (files: readonly File[]) => {
    const read = await Promise.all(files.map(async (file) => readText(file.name, await file.text())));
    setLoaded((known) => [...known, ...read]);
    const first = read.findIndex(({ problem }) => problem === undefined);
    if (first >= 0) show(toRuns(loaded).length);
  };
  useDroppedFiles(open);
  const runs = useMemo(() => toRuns(loaded), [loaded]);
  const results = runs[shown] ?? runs[0];
  return (
    <div class="page">
      <header>
        <h1>{results ? `softmax-bench ${shortName(results.run.id)}` : "softmax-bench"}</h1>
        <div class="controls">
          {runs.length > 1 && (
            <Select
              label="Run"
              options={runs.map(({ run }, index) => [String(index), shortName(run.id)])}
              value={String(shown)}
              onChange={(index) => show(Number(index))}
            />
          )}
          <label>
            Open results files{" "}
            <input
              type="file"
              multiple
              accept=".json,application/json"
              onChange={(event) => void open([...(event.currentTarget.files ?? [])])}
            />
          </label>
          {isLive && <a href="measure/">Measure this browser</a>}
        </div>
        {silence && (
          <p class="warning" role="alert">
            {oneLine(silence)}
          </p>
        )}
        {loaded.map(
          ({ name, problem }) =>
            problem && (
              <p key={name} class="warning" role="alert">
                {name}: {problem}
              </p>
            ),
        )}
      </header>
      <main>
        {results ? (
          <Report results={results} runs={runs} isLive={isLive} />
        ) : (
          <p>There are no results here. Open a results.json, or drop it on this page.</p>
        )}
      </main>
    </div>
  );
}

const toRuns = (loaded: readonly Loaded[]): Results[] =>
  loaded.flatMap((one) => (one.problem === undefined ? apart(one.results) : []));

function Report({ results, runs, isLive }: { results: Results; runs: readonly Results[]; isLive: boolean }) {
  const [constraints, setConstraints] = useState<Constraints>(DEFAULT_CONSTRAINTS);
  const [selected, select] = useState<Selection>({
    workload: undefined,
    dtype: "float32",
    hiddenBackends: new Set(),
    hiddenMethods: new Set(),
  });
  const choices = useMemo(() => collectChoices(runs), [runs]);
  const selection = useMemo(() => withinChoices(selected, choices), [selected, choices]);
  const cells = useMemo(
    () => selectedCells(results.cells, selection, choices),
    [results, selection, choices],
  );
  const view = useMemo(() => runView(results), [results]);
  const hosts = useMemo(() => hostsView(results), [results]);
  const workload = selectedWorkload(selection, choices);
  const { depth, precision, scaling } = results;
  const hasCells = choices.workloads.length > 0;
  const contents: readonly (readonly [id: string, title: string, isThere: boolean])[] = [
    ["verdict", "Verdict", hasCells],
    ["hosts", "Hosts", hosts !== undefined],
    ["trade-off", "Precision against speed", hasCells],
    ["matrix", "Every cell", hasCells],
    ["by-hand", "By hand against automatic", results.distances.length > 0],
    ["distributions", "Distributions", hasCells],
    ["limit", "Limit", hasCells && results.environment.copyBandwidth !== undefined],
    ["sweeps", "Formulations", precision !== undefined],
    ["depth", "Depth", depth !== undefined],
    ["scaling", "Scaling", scaling !== undefined],
    ["comparison", "Comparison", runs.length > 1],
    ["environment", "Environment", true],
  ];
  const { phase } = constraints;
  return (
    <>
      <dl class="facts">
        {view.facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{oneLine(value)}</dd>
          </div>
        ))}
      </dl>
      {view.busy && (
        <p class="warning" role="status">
          {oneLine(view.busy)}
        </p>
      )}
      {view.notice && (
        <p class="warning" role="status">
          {isLive ? describeProgress(results) : oneLine(view.notice)}
        </p>
      )}
      <nav aria-label="Contents">
        <ul>
          {contents.map(
            ([id, title, isThere]) =>
              isThere && (
                <li key={id}>
                  <a href={`#${id}`}>{title}</a>
                </li>
              ),
          )}
        </ul>
      </nav>
      {!hasCells && !precision && !depth && !scaling && <p>This run has no cells.</p>}
      <Verdict results={results} constraints={constraints} onChange={setConstraints} />
      <Hosts results={results} />
      {hasCells && <Filters choices={choices} selection={selection} onChange={select} />}
      <TradeOff cells={cells} results={results} phase={phase} />
      <Matrix cells={cells} phase={phase} />
      <ByHand results={results} workload={workload} selection={selection} />
      <Distributions cells={cells} backends={results.backends} />
      <Limit cells={cells} results={results} />
      {precision && <Sweeps precision={precision} selection={selection} />}
      {depth && <Depth results={results} depth={depth} />}
      {scaling && <Scaling results={results} />}
      <Comparison runs={runs} workload={workload} selection={selection} />
      <Environment results={results} view={view} />
    </>
  );
}

const describeProgress = ({ cells, run, precision, depth, scaling }: Results): string =>
  [
    `Going on: ${cells.length} of ${run.cellsPlanned ?? "?"} cells`,
    ...(precision ? [plural(precision.curves.length, "curve")] : []),
    ...(depth ? [plural(depth.networks.length, "network")] : []),
    ...(scaling ? [`${scaling.series.length} series`] : []),
  ].join(", ");

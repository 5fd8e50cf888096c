import type { Cell, Results } from "@softmax-bench/core";
import {
  cellMap,
  collectQuestions,
  describeProgress,
  isWinning,
  oneLine,
  recommendEach,
  runView,
  splitByMachine,
} from "@softmax-bench/report/model";
import type { ComponentChildren } from "preact";
import { useCallback, useMemo, useState } from "preact/hooks";
import { scrollToSection, useAddress } from "./address.js";
import { shortName } from "./components/choices.js";
import { Contents } from "./components/contents.js";
import { useDroppedFiles } from "./dropped-files.js";
import { useLive } from "./live.js";
import { type Loaded, readText } from "./runs.js";
import { About } from "./sections/about.js";
import { Answer } from "./sections/answer.js";
import { ByHand } from "./sections/by-hand.js";
import { Comparison } from "./sections/comparison.js";
import { Controls } from "./sections/controls.js";
import { Depth } from "./sections/depth.js";
import { Distributions } from "./sections/distributions.js";
import { Environment } from "./sections/environment.js";
import { Fastest } from "./sections/fastest.js";
import { Hosts } from "./sections/hosts.js";
import { Limit } from "./sections/limit.js";
import { Matrix } from "./sections/matrix.js";
import { Scaling } from "./sections/scaling.js";
import { Sweeps } from "./sections/sweeps.js";
import { TradeOff } from "./sections/trade-off.js";
import { collectChoices, resultsOfHost, selectionOf, shownResults } from "./selection.js";

/** The page: one run in full, all of them compared. */
export function App({ initial, isLive }: { initial: readonly Loaded[]; isLive: boolean }) {
  const [loaded, setLoaded] = useState(initial);
  const [chosen, choose] = useState(0);
  const connectionProblem = useLive(
    isLive,
    // The run that is followed comes first; others were measured in visitors' browsers.
    useCallback((run) => setLoaded(([, ...others]) => [run, ...others]), []),
  );
  const open = async (files: readonly File[]) => {
    const read = await Promise.all(files.map(async (file) => readText(file.name, await file.text())));
    setLoaded((known) => [...known, ...read]);
    const first = read.findIndex(({ problem }) => problem === undefined);
    if (first >= 0) choose(toRuns(loaded).length);
  };
  useDroppedFiles(open);
  const runs = useMemo(() => {
    const [followed, ...others] = toRuns(loaded);
    return followed && isLive ? [whileRunning(followed), ...others] : toRuns(loaded);
  }, [loaded, isLive]);
  const results = runs[chosen] ?? runs[0];
  const view = useMemo(() => results && runView(results), [results]);
  return (
    <div class="page">
      <header>
        <About
          results={results}
          view={view}
          runs={runs}
          shown={chosen}
          isLive={isLive}
          onShow={choose}
          onOpen={(files) => void open(files)}
        />
        {connectionProblem && <Warning role="alert">{oneLine(connectionProblem)}</Warning>}
        {loaded.map(
          ({ name, problem }) =>
            problem && (
              <Warning key={name} role="alert">
                {name}: {problem}
              </Warning>
            ),
        )}
        {view?.busy && <Warning role="status">{oneLine(view.busy)}</Warning>}
        {results && view?.notice && (
          <Warning role="status">
            {isLive ? `Running: ${describeProgress(results)}` : oneLine(view.notice)}
          </Warning>
        )}
      </header>
      {results && view ? (
        <Report results={results} runs={runs} view={view} />
      ) : (
        <main>
          <h1>softmax-bench</h1>
          <p>There are no results here. Open a results.json, or drop it on this page.</p>
        </main>
      )}
    </div>
  );
}

/**
 * The results of a run that is followed. Until the machine's state at its end is known, further processes may follow, although each cell has
 * been measured: nothing is final.
 */
function whileRunning(results: Results): Results {
  const { run, noise } = results;
  const isOver = noise === undefined || noise.after !== undefined;
  return isOver ? results : { ...results, run: { ...run, status: "interrupted" } };
}

const Warning = ({ role, children }: { role: "alert" | "status"; children: ComponentChildren }) => (
  <p class="warning" role={role}>
    {children}
  </p>
);

const toRuns = (loaded: readonly Loaded[]): Results[] =>
  loaded.flatMap((one) => (one.problem === undefined ? splitByMachine(one.results) : []));

function Report({
  results,
  runs,
  view: run,
}: {
  results: Results;
  runs: readonly Results[];
  view: ReturnType<typeof runView>;
}) {
  const choices = useMemo(() => collectChoices(runs), [runs]);
  const [view, change] = useAddress(choices);
  const shown = useMemo(() => shownResults(results, view), [results, view]);
  const ofHost = useMemo(() => resultsOfHost(results, view), [results, view]);
  const selection = useMemo(() => selectionOf(view, results, choices), [view, results, choices]);
  const { workload, dtype } = selection;
  const { constraints } = view;
  const cells = useMemo(
    () => shown.cells.filter((cell) => cell.workload === workload && cell.dtype === dtype),
    [shown, workload, dtype],
  );
  const map = useMemo(() => cellMap(cells, shown, constraints), [cells, shown, constraints]);
  const recommendations = useMemo(
    () => recommendEach(collectQuestions(results), shown, constraints, ofHost),
    [results, shown, constraints, ofHost],
  );
  const current = recommendations.find((one) => one.workload === workload && one.dtype === dtype);
  const isEligible = useCallback(
    ({ backend, method }: Cell) => isWinning(map.find(backend, method)?.standing),
    [map],
  );
  const { depth, precision, scaling } = shown;
  const hasCells = choices.workloads.length > 0;
  return (
    <div class="layout">
      <Contents view={view} />
      <main>
        <Answer
          results={results}
          ofHost={ofHost}
          shown={shown}
          recommendations={recommendations}
          current={current}
          selection={selection}
          constraints={constraints}
        />
        {(hasCells || choices.dtypes.length > 0) && (
          <Controls choices={choices} runs={runs} view={view} selection={selection} onChange={change} />
        )}
        {!hasCells && !precision && !depth && !scaling && <p>This run has no cells.</p>}
        {hasCells && cells.length === 0 && (
          <p>
            No cell of {shortName(workload ?? "")}, {dtype} is shown here.
          </p>
        )}
        <Matrix
          map={map}
          cells={cells}
          question={`${shortName(workload ?? "")}, ${dtype}`}
          constraints={constraints}
        />
        <Fastest
          results={shown}
          recommendations={recommendations}
          constraints={constraints}
          current={current}
          onChoose={(chosen) => {
            change({ ...view, workload: chosen.workload, dtype: chosen.dtype });
            scrollToSection("matrix");
          }}
        />
        <Hosts results={shown} constraints={constraints} />
        <TradeOff cells={cells} results={shown} phase={constraints.phase} />
        <ByHand results={shown} workload={workload} />
        <Distributions cells={cells} backends={shown.backends} isEligible={isEligible} />
        <Limit cells={cells} results={shown} isEligible={isEligible} />
        {precision && <Sweeps precision={precision} selection={selection} />}
        {depth && <Depth results={shown} depth={depth} />}
        {scaling && <Scaling results={shown} />}
        <Comparison runs={runs} workload={workload} selection={selection} />
        <Environment results={results} view={run} />
      </main>
    </div>
  );
}

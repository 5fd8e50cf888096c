import type { Results } from "@softmax-bench/core";
import {
  againstReferences,
  type Constraints,
  DEFAULT_CONSTRAINTS,
  type ErrorMeasure,
  formatCount,
  formatDuration,
  formatError,
  formatPercent,
  formatRatio,
  type RankedCell,
  rankedCells,
  recommend,
  verdictOn,
} from "@softmax-bench/report/model";
import { OneOf, Select, shortName } from "../components/choices.js";
import { collectChoices } from "../selection.js";
import { Section } from "./section.js";

const MEASURES: readonly (readonly [ErrorMeasure, string])[] = [
  ["relL2", "unit roundoffs, relative L2"],
  ["p99Ulp", "ULP, 99 of 100 entries"],
  ["maxUlp", "ULP, every entry"],
];

/** The best gradient under the reader's own constraints. */
export function Verdict({
  results,
  constraints,
  onChange,
}: {
  results: Results;
  constraints: Constraints;
  onChange: (constraints: Constraints) => void;
}) {
  const { workloads, dtypes } = collectChoices([results]);
  if (workloads.length === 0) return null;
  return (
    <Section id="verdict" title="Which backend, which method?">
      <Controls constraints={constraints} onChange={onChange} />
      <div class="cards" aria-live="polite">
        {workloads.flatMap((workload) =>
          dtypes.map((dtype) => (
            <Card
              key={`${workload} ${dtype}`}
              results={results}
              workload={workload}
              dtype={dtype}
              constraints={constraints}
            />
          )),
        )}
      </div>
    </Section>
  );
}

function Controls({
  constraints,
  onChange,
}: {
  constraints: Constraints;
  onChange: (constraints: Constraints) => void;
}) {
  const { phase, error, cpuOnly, noNativeCode } = constraints;
  const set = (change: Partial<Constraints>) => onChange({ ...constraints, ...change });
  const setLimit = (text: string) => {
    const limit = Number(text);
    if (text.trim() !== "" && limit >= 0) set({ error: { ...error, limit } });
  };
  return (
    <form class="controls" onSubmit={(event) => event.preventDefault()}>
      <fieldset>
        <legend>Error</legend>
        <label>
          at most{" "}
          <input
            type="number"
            min="0"
            step="any"
            value={error.limit}
            onInput={(event) => setLimit(event.currentTarget.value)}
          />
        </label>
        <Select
          label="of"
          options={MEASURES}
          value={error.measure}
          onChange={(measure) => set({ error: { ...error, measure: measure as ErrorMeasure } })}
        />
      </fieldset>
      <OneOf
        legend="Time of"
        options={[
          ["gradient", "the gradient, left on the device"],
          ["roundtrip", "the round trip from and to JavaScript"],
        ]}
        value={phase}
        onChange={(value) => set({ phase: value })}
      />
      <fieldset>
        <legend>Backends</legend>
        <label>
          <input type="checkbox" checked={cpuOnly} onChange={() => set({ cpuOnly: !cpuOnly })} />
          CPU only
        </label>
        <label>
          <input
            type="checkbox"
            checked={noNativeCode}
            onChange={() => set({ noNativeCode: !noNativeCode })}
          />
          no native code
        </label>
      </fieldset>
      {constraints !== DEFAULT_CONSTRAINTS && (
        <button type="button" onClick={() => onChange(DEFAULT_CONSTRAINTS)}>
          as in report.md
        </button>
      )}
    </form>
  );
}

function Card({
  results,
  workload,
  dtype,
  constraints,
}: {
  results: Results;
  workload: string;
  dtype: RankedCell["dtype"];
  constraints: Constraints;
}) {
  const { backends } = results;
  const ranked = rankedCells(results, workload, dtype, constraints);
  const recommendation = recommend(ranked, constraints, backends);
  const references = againstReferences(shortName(workload), dtype, ranked, constraints, backends);
  const { best, runnerUp, tied } = recommendation;
  const next = tied[0] ?? runnerUp;
  const name = `${shortName(workload)} ${dtype}`;
  const sentence = verdictOn(shortName(workload), dtype, recommendation, constraints);
  return (
    <article class={best ? "card" : "card none"}>
      <h3>
        {shortName(workload)} <small>{dtype}</small>
      </h3>
      {best ? (
        <>
          <p class="answer">
            <strong>{shortName(best.backend)}</strong> {shortName(best.method)}
          </p>
          <p>
            {formatDuration(best.timing.medianNs)} ± {formatPercent(best.resolution)}, relative L2 error{" "}
            {formatError(best.error.relL2)}, max {formatCount(best.error.maxUlp)} ULP
          </p>
          {next && (
            <p class="next">
              {tied.length ? "tied with" : "next"} {shortName(next.backend)} {shortName(next.method)}
              {!tied.length &&
                best.timing.medianNs > 0 &&
                `, ${formatRatio(next.timing.medianNs / best.timing.medianNs)}`}
              {tied.length > 1 && ` and ${tied.length - 1} more`}
            </p>
          )}
        </>
      ) : null}
      {best ? (
        <details>
          <summary>
            In words<span class="for-screen-readers">: {name}</span>
          </summary>
          <p class="sentence">{sentence}</p>
        </details>
      ) : (
        <p class="sentence">{sentence}</p>
      )}
      {references.map((comparison) => (
        <p class="sentence" key={comparison}>
          {comparison}
        </p>
      ))}
    </article>
  );
}

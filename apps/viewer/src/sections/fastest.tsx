import type { Results } from "@softmax-bench/core";
import {
  againstReferences,
  type Constraints,
  describeBound,
  FASTEST_LEGEND,
  fastestRow,
  type RankedCell,
  type RecommendedGradient,
  rankedCells,
  referenceIds,
  soFar,
  verdictOn,
} from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { BackendName, Breakable } from "../components/backend-name.js";
import { shortName } from "../components/choices.js";
import { Scroll } from "../components/scroll.js";
import { Section } from "./section.js";

/** The fastest gradient within the bound on each workload and dtype, as in the terminal's summary. */
export function Fastest({
  results,
  recommendations,
  constraints,
  current,
  onChoose,
}: {
  results: Results;
  recommendations: readonly RecommendedGradient[];
  constraints: Constraints;
  /** The workload and dtype that the map shows. */
  current: Pick<RecommendedGradient, "workload" | "dtype"> | undefined;
  onChoose: (chosen: RecommendedGradient) => void;
}) {
  const sentences = recommendations.map((one) =>
    verdictOn(shortName(one.workload), one.dtype, one, constraints, results.run),
  );
  const references = useMemo(
    () =>
      referenceIds(results).size > 0 ? compareWithReferences(results, recommendations, constraints) : [],
    [results, recommendations, constraints],
  );
  if (recommendations.length === 0) return null;
  const bounds = [...new Set(recommendations.map(({ dtype }) => dtype))].map(
    (dtype) => `${describeBound(dtype, constraints.error)} in ${dtype}`,
  );
  const time = constraints.phase === "roundtrip" ? "round trip" : "gradient";
  return (
    <Section id="fastest" title={`Fastest${soFar(results.run)} within the error bound`}>
      <Scroll label="Fastest by workload">
        <table class="fastest" aria-label="Fastest by workload">
          <thead>
            <tr>
              <th scope="col">workload</th>
              <th scope="col">fastest</th>
              <th scope="col" class="number">
                {time}
              </th>
              <th scope="col" class="number">
                rel. L2
              </th>
              <th scope="col">next backend</th>
              <th scope="col" class="number">
                ratio
              </th>
            </tr>
          </thead>
          <tbody>
            {recommendations.map((one, index) => {
              const { workload, dtype, best } = one;
              const isCurrent = workload === current?.workload && dtype === current.dtype;
              return (
                <tr key={`${workload} ${dtype}`} class={isCurrent ? "current" : undefined}>
                  <th scope="row">
                    <button type="button" class="link" aria-pressed={isCurrent} onClick={() => onChoose(one)}>
                      {shortName(workload)} <small>{dtype}</small>
                    </button>
                  </th>
                  {best ? (
                    <Winner best={best} recommendation={one} />
                  ) : (
                    <td colSpan={5} class="prose">
                      {sentences[index]}
                    </td>
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      <p class="note">
        {FASTEST_LEGEND} The bound: {bounds.join("; ")}, on these inputs.
      </p>
      <details>
        <summary>In words</summary>
        <ul>
          {sentences.map((sentence) => (
            <li key={sentence} class="sentence">
              {sentence}
            </li>
          ))}
        </ul>
      </details>
      {references.map((comparison) => (
        <p class="sentence" key={comparison}>
          {comparison}
        </p>
      ))}
    </Section>
  );
}

const compareWithReferences = (
  results: Results,
  recommendations: readonly RecommendedGradient[],
  constraints: Constraints,
): string[] =>
  recommendations.flatMap(({ workload, dtype }) =>
    againstReferences(
      shortName(workload),
      dtype,
      rankedCells(results, workload, dtype, constraints),
      constraints,
      results,
    ),
  );

function Winner({ best, recommendation }: { best: RankedCell; recommendation: RecommendedGradient }) {
  const { time, resolution, error, maxUlp, next, ratio } = fastestRow(best, recommendation);
  return (
    <>
      <td>
        <CellName cell={best} />
      </td>
      <td class="number">
        {time} <small>± {resolution}</small>
      </td>
      <td class="number">
        {error} <small>max {maxUlp} ULP</small>
      </td>
      <td>{next ? <CellName cell={next} /> : <small>no other backend qualifies</small>}</td>
      <td class="number">{ratio}</td>
    </>
  );
}

const CellName = ({ cell: { backend, method } }: { cell: RankedCell }) => (
  <>
    <BackendName id={backend} />{" "}
    <small>
      <Breakable text={shortName(method)} />
    </small>
  </>
);

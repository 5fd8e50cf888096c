import type { Results } from "@softmax-bench/core";
import {
  depthView,
  describeTrust,
  fastestRow,
  type Headline,
  headline,
  oneLine,
  precisionView,
  type RecommendedGradient,
  scalingView,
  verdictOn,
} from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { BackendName } from "../components/backend-name.js";
import { shortName } from "../components/choices.js";
import type { View } from "../selection.js";

/** The answer in one sentence, the winner for the reader's own case, and how far it can be trusted. */
export function Answer({
  results,
  shown,
  recommendations,
  current,
  view,
}: {
  results: Results;
  /** The results without what the reader hides. */
  shown: Results;
  recommendations: readonly RecommendedGradient[];
  /** The recommendation for the reader's workload and dtype. */
  current: RecommendedGradient | undefined;
  view: View;
}) {
  const precision = useMemo(() => precisionView(results), [results]);
  const answer = useMemo(
    () => answerOf(results, shown, recommendations, view),
    [results, shown, recommendations, view],
  );
  return (
    <div class="hero" aria-live="polite">
      <h1>{oneLine(answer.sentence)}</h1>
      {current && <Winner current={current} view={view} />}
      {(answer.method || answer.ties) && (
        <p class="method">{oneLine([answer.method, answer.ties].filter(Boolean).join(" "))}</p>
      )}
      {(current || precision) && (
        <p class="trust">
          <strong>Can I trust it?</strong> {oneLine(describeTrust(precision, current?.best))}
        </p>
      )}
    </div>
  );
}

function Winner({ current, view }: { current: RecommendedGradient; view: View }) {
  const { workload, dtype, best, nextIsTied } = current;
  if (!best) return <p class="winner">{verdictOn(shortName(workload), dtype, current, view.constraints)}</p>;
  const { time, resolution, error, next, ratio } = fastestRow(best, current);
  return (
    <p class="winner">
      {shortName(workload)} {dtype}: <BackendName id={best.backend} />{" "}
      <strong>{shortName(best.method)}</strong>, {time} ± {resolution}, relative L2 error {error}
      {next &&
        `; ${nextIsTied ? "tied with" : "next"} ${shortName(next.backend)} ${shortName(next.method)} (${ratio})`}
    </p>
  );
}

/** Of a run that measured something else than cells, its own first finding. */
function answerOf(
  results: Results,
  shown: Results,
  recommendations: readonly RecommendedGradient[],
  { constraints }: View,
): Headline {
  if (results.cells.length > 0 && shown.cells.length === 0) {
    return { sentence: "Every backend or every method is hidden.", method: undefined, ties: undefined };
  }
  const answer = headline(recommendations, constraints);
  if (answer && recommendations.some(({ best }) => best)) return answer;
  const finding =
    precisionView(shown)?.findings[0]?.sentences[0] ??
    depthView(shown)?.answer ??
    scalingView(shown)?.threading[0];
  return finding === undefined
    ? (answer ?? {
        sentence: `softmax-bench ${shortName(results.run.id)}: no cells`,
        method: undefined,
        ties: undefined,
      })
    : { sentence: finding, method: undefined, ties: undefined };
}

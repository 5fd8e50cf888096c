import type { Results } from "@softmax-bench/core";
import {
  depthView,
  describeTrust,
  fastestRow,
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
  const finding = useMemo(() => firstFinding(shown), [shown]);
  const answer = useMemo(
    () => headline(recommendations, view.constraints),
    [recommendations, view.constraints],
  );
  // A run that draws errors times its cells only by the way.
  const isWon = results.run.command !== "precision" && recommendations.some(({ best }) => best);
  const isHidden = results.cells.length > 0 && shown.cells.length === 0;
  return (
    <div class="hero" aria-live="polite">
      {isHidden ? (
        <h1>Every backend or every method is hidden.</h1>
      ) : isWon || !finding ? (
        <h1>{oneLine(answer?.sentence ?? `${shortName(results.run.id)} has no cells`)}</h1>
      ) : (
        <h1 class="finding">{oneLine(finding)}</h1>
      )}
      {current && (current.best || !finding) && <Winner current={current} view={view} />}
      {isWon && (answer?.method || answer?.ties) && (
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
        `; ${nextIsTied ? "tied with" : "next"} ${shortName(next.backend)} ${shortName(next.method)} (${ratio.replaceAll(" ", "\u00A0")})`}
    </p>
  );
}

/** The first finding of a run that measured something else than cells. */
const firstFinding = (results: Results): string | undefined =>
  precisionView(results)?.findings[0]?.sentences[0] ??
  depthView(results)?.answer ??
  scalingView(results)?.threading[0];

import { busyMachine, type Results } from "@softmax-bench/core";
import {
  type Constraints,
  depthView,
  describeTimeTrust,
  describeTrust,
  describeUnsettled,
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
import type { Selection } from "../selection.js";

/** The answer in one sentence, the winner for the reader's own case, and how far it can be trusted. */
export function Answer({
  results,
  ofHost,
  shown,
  recommendations,
  current,
  selection,
  constraints,
}: {
  results: Results;
  /** The results of the host that the reader chose. */
  ofHost: Results;
  /** The results without what the reader hides. */
  shown: Results;
  recommendations: readonly RecommendedGradient[];
  /** The recommendation for the reader's workload and dtype. */
  current: RecommendedGradient | undefined;
  selection: Selection;
  constraints: Constraints;
}) {
  const precision = useMemo(() => precisionView(results), [results]);
  const { dtype, host } = selection;
  const finding = useMemo(() => firstFinding(shown, dtype), [shown, dtype]);
  const answer = useMemo(
    () => headline(recommendations, constraints, results.run),
    [recommendations, constraints, results.run],
  );
  // A run that draws errors times its cells only by the way.
  const isWon = results.run.command !== "precision" && recommendations.some(({ best }) => best);
  if (results.cells.length > 0 && shown.cells.length === 0) {
    return (
      <div class="hero" aria-live="polite">
        <h1>
          {ofHost.cells.length > 0
            ? "Every backend or every method is hidden."
            : `No cell was measured in ${shortName(host ?? "")}.`}
        </h1>
      </div>
    );
  }
  const trust = [
    describeTrust(precision, current?.best),
    ...(current?.best ? [describeTimeTrust(current.best, busyMachine(results) !== undefined)] : []),
  ];
  return (
    <div class="hero" aria-live="polite">
      {isWon || !finding ? (
        <h1>{oneLine(answer?.sentence ?? `${shortName(results.run.id)} has no cells`)}</h1>
      ) : (
        <h1 class="finding">{oneLine(finding)}</h1>
      )}
      {current && (current.best || !finding) && (
        <Winner current={current} constraints={constraints} run={results.run} />
      )}
      {isWon && (answer?.method || answer?.ties) && (
        <p class="method">{oneLine([answer.method, answer.ties].filter(Boolean).join(" "))}</p>
      )}
      {(current || precision) && (
        <p class="trust">
          <strong>Can I trust it?</strong> {oneLine(trust.join(" "))}
        </p>
      )}
    </div>
  );
}

function Winner({
  current,
  constraints,
  run,
}: {
  current: RecommendedGradient;
  constraints: Constraints;
  run: Results["run"];
}) {
  const { workload, dtype, best, nextIsTied } = current;
  if (!best) return <p class="winner">{verdictOn(shortName(workload), dtype, current, constraints, run)}</p>;
  const { time, resolution, error, next, ratio } = fastestRow(best, current);
  const unsettled = describeUnsettled(current, constraints);
  return (
    <p class="winner">
      {shortName(workload)} {dtype}: <BackendName id={best.backend} />{" "}
      <strong>{shortName(best.method)}</strong>, {time} ± {resolution}, relative L2 error {error}
      {next &&
        `; ${nextIsTied ? "tied with" : "next"} ${shortName(next.backend)} ${shortName(next.method)}${ratio && ` (${ratio.replaceAll(" ", "\u00A0")})`}`}
      {unsettled && oneLine(`; ${unsettled}`)}
    </p>
  );
}

/** The first finding of a run that measured more than cells, on the dtype if there is one on it. */
function firstFinding(results: Results, dtype: Selection["dtype"]): string | undefined {
  const findings = precisionView(results)?.findings ?? [];
  const finding = findings.find((one) => one.dtype === dtype) ?? findings[0];
  if (finding) return `${finding.heading}: ${finding.sentences[0] ?? ""}`;
  return depthView(results)?.answer ?? scalingView(results)?.threading[0];
}

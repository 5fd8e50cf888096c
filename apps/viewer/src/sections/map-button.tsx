import {
  type Absence,
  type ErrorMeasure,
  formatCount,
  formatDuration,
  formatError,
  hasSettled,
  isInUlp,
  type MapCell,
  measuredError,
  oneLine,
  type Standing,
} from "@softmax-bench/report/model";
import { shortName } from "../components/choices.js";

/** The words for the standing of a cell, in its tooltip and for screen readers; empty for an ordinary cell. */
const STANDINGS: Readonly<Record<Standing, string>> = {
  fastest: "the fastest within the error bound",
  tied: "tied with the fastest",
  eligible: "",
  // All cells whose times had not settled say so, whatever their standing.
  unsettled: "",
  outside: "exceeds the error bound",
  "not a contender": "for comparison only",
};

/** The mark of a cell without a result; no two kinds look alike. */
const MARKS: Readonly<Record<Absence, string>> = {
  unsupported: "–",
  "too slow": "…",
  unavailable: "○",
  "timed out": "⋯",
  failed: "!",
  crashed: "‼",
  "not timed": "?",
};

const isAbsence = (standing: MapCell["standing"]): standing is Absence => standing in MARKS;

/** A cell of the map: its time and error, or the kind of their absence. */
export function MapButton({
  entry: { cell, ranked, standing },
  measure,
  shade,
  isPressed,
  isReached,
  onFocus,
  onChoose,
}: {
  entry: MapCell;
  measure: ErrorMeasure;
  /** 0 for the slowest, 1 for the fastest. */
  shade: number;
  isPressed: boolean;
  /** Tab reaches it; arrow keys lead to the others. */
  isReached: boolean;
  onFocus: () => void;
  onChoose: () => void;
}) {
  const name = `${shortName(cell.backend)} ${shortName(cell.method)}`;
  const common = {
    type: "button",
    tabIndex: isReached ? 0 : -1,
    onFocus,
    "aria-pressed": isPressed,
    "data-standing": standing,
    onClick: onChoose,
  } as const;
  if (!ranked || isAbsence(standing)) {
    const why = oneLine(cell.reason ?? "");
    return (
      <button
        {...common}
        class="absent"
        title={why || undefined}
        aria-label={[`${name}: ${standing}`, why].filter(Boolean).join(", ")}
      >
        <small data-sign={isAbsence(standing) ? MARKS[standing] : undefined}>{standing}</small>
      </button>
    );
  }
  const time = formatDuration(ranked.timing.medianNs);
  const measured = measuredError(ranked, measure);
  const error = isInUlp(measure) ? `${formatCount(measured)} ULP` : formatError(measured);
  const isSettled = hasSettled(ranked);
  const words = [STANDINGS[standing], isSettled ? "" : "its times had not settled"]
    .filter(Boolean)
    .join(", ");
  return (
    <button
      {...common}
      data-settled={String(isSettled)}
      style={{ "--shade": `${Math.round(8 + 92 * shade)}%` }}
      title={words || undefined}
      aria-label={[`${name}: ${time} ${error} error`, words].filter(Boolean).join(", ")}
    >
      <span class="time">{time}</span> <small>{error}</small>
    </button>
  );
}

import { DTYPES, type Results } from "@softmax-bench/core";
import {
  type Constraints,
  type ErrorLimit,
  type ErrorMeasure,
  errorBound,
  oneLine,
} from "@softmax-bench/report/model";
import { AnyOf, Select, shortName } from "../components/choices.js";
import { type Choices, DEFAULT_VIEW, parseLimit, type Selection, type View } from "../selection.js";

const MEASURES: readonly (readonly [ErrorMeasure, string])[] = [
  ["relL2", "unit roundoffs, relative L2"],
  ["relL2Plain", "relative L2 error"],
  ["p99Ulp", "ULP, 99 of 100 entries"],
  ["maxUlp", "ULP, every entry"],
];

type BackendKind = Pick<Constraints, "cpuOnly" | "noNativeCode">;

const KINDS: Readonly<Record<string, readonly [label: string, kind: BackendKind]>> = {
  any: ["any backend", { cpuOnly: false, noNativeCode: false }],
  cpu: ["CPU only", { cpuOnly: true, noNativeCode: false }],
  portable: ["no native code", { cpuOnly: false, noNativeCode: true }],
  both: ["CPU only, no native code", { cpuOnly: true, noNativeCode: true }],
};

/** The reader's own case: what applies to the answer, the map and all sections after them. */
export function Controls({
  choices,
  runs,
  view,
  selection,
  onChange,
}: {
  choices: Choices;
  runs: readonly Results[];
  view: View;
  selection: Selection;
  onChange: (view: View) => void;
}) {
  const { dtypes, hosts, backends, methods } = choices;
  const { constraints, hiddenBackends, hiddenMethods } = view;
  const { phase, error, cpuOnly, noNativeCode } = constraints;
  const set = (change: Partial<View>) => onChange({ ...view, ...change });
  const constrain = (change: Partial<Constraints>) => set({ constraints: { ...constraints, ...change } });
  const setLimit = (field: HTMLInputElement) => {
    const limit = parseLimit(field.value);
    if (limit === undefined) field.value = String(error.limit);
    else constrain({ error: { ...error, limit } });
  };
  const kind = Object.entries(KINDS).find(
    ([, [, one]]) => one.cpuOnly === cpuOnly && one.noNativeCode === noNativeCode,
  );
  const hidden = hiddenBackends.size + hiddenMethods.size;
  return (
    <form class="controls case" aria-label="Your case" onSubmit={(event) => event.preventDefault()}>
      <Select
        label="My logits"
        options={choices.workloads.map((id) => [id, describeWorkload(id, runs)])}
        value={selection.workload ?? ""}
        onChange={(workload) => set({ workload })}
      />
      <Select
        label="dtype"
        options={dtypes.map((dtype) => [dtype, dtype])}
        value={selection.dtype}
        onChange={(value) => set({ dtype: dtypes.find((dtype) => dtype === value) ?? view.dtype })}
      />
      <Select
        label="I need the gradient"
        options={[
          ["gradient", "on the device"],
          ["roundtrip", "back in JavaScript"],
        ]}
        value={phase}
        onChange={(value) => constrain({ phase: value === "roundtrip" ? "roundtrip" : "gradient" })}
      />
      <Select
        label="Runs on"
        options={Object.entries(KINDS).map(([id, [label]]) => [id, label])}
        value={kind?.[0] ?? "any"}
        onChange={(id) => constrain(KINDS[id]?.[1] ?? {})}
      />
      {hosts.length > 1 && (
        <Select
          label="Runs in"
          options={[["", "all hosts"], ...hosts.map((id): [string, string] => [id, shortName(id)])]}
          value={view.host ?? ""}
          onChange={(id) => set({ host: id === "" ? undefined : id })}
        />
      )}
      <details class="more">
        <summary>More{hidden > 0 && ` (${hidden} hidden)`}</summary>
        <div class="controls">
          <fieldset>
            <legend>Error bound</legend>
            <label>
              at most{" "}
              <input
                type="number"
                min="0"
                step="any"
                value={error.limit}
                onChange={(event) => setLimit(event.currentTarget)}
              />
            </label>
            <Select
              label="of"
              options={MEASURES}
              value={error.measure}
              onChange={(value) => {
                const measure = MEASURES.find(([id]) => id === value)?.[0] ?? error.measure;
                constrain({ error: { measure, limit: convertLimit(error, measure, selection.dtype) } });
              }}
            />
          </fieldset>
          <AnyOf
            legend="Backends"
            options={backends}
            hidden={hiddenBackends}
            onChange={(ids) => set({ hiddenBackends: ids })}
          />
          <AnyOf
            legend="Methods"
            options={methods}
            hidden={hiddenMethods}
            onChange={(ids) => set({ hiddenMethods: ids })}
          />
        </div>
      </details>
      {isNarrowed(view) && (
        <button
          type="button"
          onClick={() => onChange({ ...DEFAULT_VIEW, workload: view.workload, dtype: view.dtype })}
        >
          As in report.md
        </button>
      )}
    </form>
  );
}

/** The same bound in another unit, with two significant digits; where there is no such unit, the same number. */
function convertLimit(error: ErrorLimit, to: ErrorMeasure, dtype: Selection["dtype"]): number {
  const units: Partial<Record<ErrorMeasure, number>> = { relL2: DTYPES[dtype].unitRoundoff, relL2Plain: 1 };
  const unit = units[to];
  if (unit === undefined || units[error.measure] === undefined) return error.limit;
  return Number((errorBound(dtype, error) / unit).toPrecision(2));
}

/** True if the view answers anything else than report.md does. */
const isNarrowed = ({ host, hiddenBackends, hiddenMethods, constraints }: View): boolean =>
  host !== undefined ||
  hiddenBackends.size + hiddenMethods.size > 0 ||
  JSON.stringify(constraints) !== JSON.stringify(DEFAULT_VIEW.constraints);

function describeWorkload(id: string, runs: readonly Results[]): string {
  const described = runs.flatMap(({ workloads = [] }) => workloads).find((one) => one.id === id);
  return described ? oneLine(`${shortName(id)}, ${described.rows}×${described.classes}`) : shortName(id);
}

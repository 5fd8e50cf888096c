import type { Results } from "@softmax-bench/core";
import { oneLine, type RunView } from "@softmax-bench/report/model";
import { Select, shortName } from "../components/choices.js";

/** One line on where the results come from; its facts, other files and other runs behind it. */
export function About({
  results,
  view,
  runs,
  shown,
  isLive,
  onShow,
  onOpen,
}: {
  results: Results | undefined;
  view: RunView | undefined;
  runs: readonly Results[];
  /** The index of the run that is shown. */
  shown: number;
  isLive: boolean;
  onShow: (index: number) => void;
  onOpen: (files: readonly File[]) => void;
}) {
  return (
    <div class="about">
      <details open={!results}>
        <summary>
          softmax-bench {results && <span class="run">{shortName(results.run.id)}</span>}
          <span class="hint">{results ? "facts of the run, open files" : "open files"}</span>
        </summary>
        {view && (
          <dl class="facts">
            {view.facts.map(([label, value]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{oneLine(value)}</dd>
              </div>
            ))}
          </dl>
        )}
        <div class="controls">
          <label>
            Open results files{" "}
            <input
              type="file"
              multiple
              accept=".json,application/json"
              onChange={(event) => onOpen([...(event.currentTarget.files ?? [])])}
            />
          </label>
          {isLive && <a href="measure/">Measure this browser</a>}
        </div>
      </details>
      {runs.length > 1 && (
        <Select
          label="Run"
          options={runs.map(({ run }, index) => [String(index), shortName(run.id)])}
          value={String(shown)}
          onChange={(index) => onShow(Number(index))}
        />
      )}
    </div>
  );
}

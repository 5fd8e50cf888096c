import type { Cell } from "@softmax-bench/core";
import { AnyOf, OneOf, Select, shortName } from "../components/choices.js";
import { type Choices, type Selection, selectedWorkload } from "../selection.js";

/** The filters that apply to all following sections. */
export function Filters({
  choices,
  selection,
  onChange,
}: {
  choices: Choices;
  selection: Selection;
  onChange: (selection: Selection) => void;
}) {
  const { workloads, dtypes, backends, methods } = choices;
  const set = (change: Partial<Selection>) => onChange({ ...selection, ...change });
  return (
    <form class="controls" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <fieldset>
        <legend>Workload</legend>
        <Select
          label="Workload"
          options={workloads.map((id) => [id, shortName(id)])}
          value={selectedWorkload(selection, choices) ?? ""}
          onChange={(workload) => set({ workload })}
        />
      </fieldset>
      <OneOf<Cell["dtype"]>
        legend="Dtype"
        options={dtypes.map((dtype) => [dtype, dtype])}
        value={selection.dtype}
        onChange={(dtype) => set({ dtype })}
      />
      <AnyOf
        legend="Backends"
        options={backends}
        hidden={selection.hiddenBackends}
        onChange={(hiddenBackends) => set({ hiddenBackends })}
      />
      <AnyOf
        legend="Methods"
        options={methods}
        hidden={selection.hiddenMethods}
        onChange={(hiddenMethods) => set({ hiddenMethods })}
      />
    </form>
  );
}

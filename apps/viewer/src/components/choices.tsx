import { shorten } from "@softmax-bench/core";
import { oneLine } from "@softmax-bench/report/model";
import { useId } from "preact/hooks";

/** A choice of one of a few options. */
export function OneOf<T extends string>({
  legend,
  options,
  value,
  onChange,
}: {
  legend: string;
  options: readonly (readonly [value: T, label: string])[];
  value: T;
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset>
      <legend>{legend}</legend>
      {options.map(([option, label]) => (
        <label key={option}>
          <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

/** A choice of any of several options; hidden ones are unchecked. */
export function AnyOf({
  legend,
  options,
  hidden,
  onChange,
}: {
  legend: string;
  options: readonly string[];
  hidden: ReadonlySet<string>;
  onChange: (hidden: ReadonlySet<string>) => void;
}) {
  const toggle = (option: string) => {
    const next = new Set(hidden);
    if (!next.delete(option)) next.add(option);
    onChange(next);
  };
  return (
    <fieldset>
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option}>
          <input type="checkbox" checked={!hidden.has(option)} onChange={() => toggle(option)} />
          {shortName(option)}
        </label>
      ))}
      <button type="button" onClick={() => onChange(hidden.size ? new Set() : new Set(options))}>
        {hidden.size ? "all" : "none"}
        <span class="for-screen-readers"> of {legend}</span>
      </button>
    </fieldset>
  );
}

/** A choice of one of many options. */
export function Select({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly (readonly [value: string, label: string])[];
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <label>
      {label}{" "}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** An id from a results file, shortened for small places. */
export const shortName = (id: string): string => shorten(oneLine(id), 40);

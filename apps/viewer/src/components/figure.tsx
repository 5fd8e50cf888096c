import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Numbers, toCsv } from "../model/csv.js";
import { Table } from "./table.js";

/** Something drawn, with the numbers that it was drawn from. */
export function Figure({
  caption,
  numbers,
  children,
}: {
  caption: string;
  numbers: Numbers;
  children: ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <figure>
      <figcaption>{caption}</figcaption>
      {children}
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          Numbers<span class="for-screen-readers"> of: {caption}</span>
        </summary>
        {isOpen && <NumbersTable numbers={numbers} />}
      </details>
    </figure>
  );
}

/** More rows than anyone reads; the file has them all. */
const SHOWN = 500;

function NumbersTable({ numbers }: { numbers: Numbers }) {
  const url = useObjectUrl(toCsv(numbers));
  const { name, columns, rows } = numbers;
  return (
    <>
      <p>
        {url && (
          <a href={url} download={`${name}.csv`}>
            Download {name}.csv
          </a>
        )}
        {rows.length > SHOWN && ` – the first ${SHOWN} of ${rows.length} rows:`}
      </p>
      <Table
        label={`Numbers: ${name}`}
        columns={columns}
        rows={rows.slice(0, SHOWN).map((row) => row.map(show))}
      />
    </>
  );
}

const show = (value: string | number | undefined): string => (value === undefined ? "" : String(value));

function useObjectUrl(text: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return url;
}

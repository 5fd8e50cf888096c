import { oneLine } from "@softmax-bench/report/model";

/** Sentences under headings: what sweeps or networks show. */
export const Findings = ({
  findings,
}: {
  findings: readonly { readonly heading: string; readonly sentences: readonly string[] }[];
}) =>
  findings.map(({ heading, sentences }) => (
    <div key={heading}>
      <h3>{oneLine(heading)}</h3>
      <ul>
        {sentences.map((sentence) => (
          <li key={sentence}>{oneLine(sentence)}</li>
        ))}
      </ul>
    </div>
  ));

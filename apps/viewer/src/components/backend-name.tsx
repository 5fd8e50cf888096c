import { colorOf } from "../model/colors.js";
import { shortName } from "./choices.js";

/** In characters; what is longer may be wider than a phone. */
const LONGEST_UNBROKEN = 20;

/** A backend's name beside the color that it has in every chart. */
export function BackendName({ id }: { id: string }) {
  const name = shortName(id);
  const [first = "", ...rest] = splitName(name);
  return (
    <span class="backend">
      <span class={first.length <= LONGEST_UNBROKEN ? "unbroken" : undefined}>
        <span class="chip" style={{ background: colorOf(name) }} />
        {first}
      </span>
      <wbr />
      <Breakable text={rest.join("")} />
    </span>
  );
}

const splitName = (name: string): string[] => name.split(/(?<=[/@-])/);

/** A name that may be broken after its hyphens, slashes and @. */
export function Breakable({ text }: { text: string }) {
  return (
    <>
      {splitName(text).map((part, index) => (
        <span key={index}>
          {part}
          <wbr />
        </span>
      ))}
    </>
  );
}

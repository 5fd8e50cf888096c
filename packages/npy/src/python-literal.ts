import { NpyError, quote } from "./error.js";

/** The values in a header: strings, whole numbers, booleans, tuples. */
export type Literal = string | number | boolean | readonly Literal[];

const TOKEN =
  /\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)"|(-?(?:0|[1-9]\d{0,19}))(?![\w.])|(True|False)(?!\w)|([{}():,[\]]))/y;

type Token = { readonly value: Literal } | { readonly mark: string };

/**
 * Parses a Python dict literal with string keys, as in headers; nothing is evaluated.
 * @throws NpyError if the text is anything else, or has a key twice.
 */
export function parseDict(text: string): ReadonlyMap<string, Literal> {
  const tokens = tokenize(text);
  const dict = new Map<string, Literal>();
  tokens.expect("{");
  while (!tokens.take("}")) {
    const key = tokens.value();
    if (typeof key !== "string")
      throw new NpyError(`expected a name in the header, got ${quote(String(key))}`);
    if (dict.has(key)) throw new NpyError(`the header says ${quote(key)} twice`);
    tokens.expect(":");
    dict.set(key, tokens.value());
    if (!tokens.take(",")) {
      tokens.expect("}");
      break;
    }
  }
  tokens.expectEnd();
  return dict;
}

/** A list of records may nest tuples; no legitimate header is nested deeper. */
const DEEPEST = 8;

function tokenize(text: string) {
  const read: Token[] = [];
  let position = 0;
  for (; position < text.length && /\S/.test(text.slice(position)); position = TOKEN.lastIndex) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(text);
    if (!match) throw unexpected(text.slice(position).trim());
    const [, single, double, integer, boolean, mark] = match;
    if (mark !== undefined) read.push({ mark });
    else if (integer !== undefined) read.push({ value: Number(integer) });
    else if (boolean !== undefined) read.push({ value: boolean === "True" });
    else read.push({ value: single ?? double ?? "" });
  }
  let next = 0;
  const take = (mark: string): boolean => {
    const token = read[next];
    const found = token !== undefined && "mark" in token && token.mark === mark;
    if (found) next++;
    return found;
  };
  const expect = (mark: string): void => {
    if (!take(mark)) throw unexpected(describe(read[next]), mark);
  };
  const value = (depth = 0): Literal => {
    const token = read[next++];
    if (token && "value" in token) return token.value;
    const close = token?.mark === "(" ? ")" : token?.mark === "[" ? "]" : undefined;
    if (close === undefined || depth > DEEPEST) throw unexpected(describe(token));
    const items: Literal[] = [];
    while (!take(close)) {
      items.push(value(depth + 1));
      if (!take(",")) {
        expect(close);
        // In Python, parentheses around one value do not make a tuple.
        return items.length === 1 && close === ")" ? (items[0] as Literal) : items;
      }
    }
    return items;
  };
  const expectEnd = (): void => {
    if (next < read.length) throw unexpected(describe(read[next]), "the end");
  };
  return { take, expect, value, expectEnd };
}

const describe = (token: Token | undefined): string =>
  token === undefined ? "the end" : "mark" in token ? token.mark : String(token.value);

const unexpected = (got: string, expected = "a value"): NpyError =>
  new NpyError(`the header is not a Python dict: expected ${expected}, got ${quote(got)}`);

import type { z } from "zod";

type Issue = z.core.$ZodIssue;

/** The expectation that a value violates, in words; the schema's own words, if it has any. */
export function expectation(issue: Issue): string {
  // Zod's default messages are its own jargon; those of a schema are written for readers.
  if (!/^(Invalid|Too |Unrecognized)/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `expected ${alternatives(issue.values.map((value) => JSON.stringify(value)))}`;
    case "too_small":
      return `expected ${limit("at least", "more than", issue.minimum, issue)}`;
    case "too_big":
      return `expected ${limit("at most", "less than", issue.maximum, issue)}`;
    case "unrecognized_keys":
      return `there is no field ${alternatives(issue.keys.map((key) => JSON.stringify(key)))}`;
    case "invalid_union":
      return unionExpectation(issue.errors);
    case "invalid_format":
      return `expected ${FORMATS[issue.format] ?? `text like ${issue.pattern ?? issue.format}`}`;
    default:
      return "does not match the format";
  }
}

/** The expectations of a union's branches, without duplicates, if all of them concern the value itself. */
function unionExpectation(branches: readonly (readonly Issue[])[]): string {
  const [first] = branches;
  const own = branches.flatMap(([issue]) => (issue && issue.path.length === 0 ? [expectation(issue)] : []));
  if (!first || own.length < branches.length) return "expected one of the shapes that are known";
  const words = own.map((text) => text.replace(/^expected /, ""));
  return `expected ${alternatives([...new Set(words)])}`;
}

const TYPES: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "an object",
  record: "an object",
  string: "text",
  tuple: "a list",
};

const FORMATS: Readonly<Record<string, string>> = {
  datetime: "a date and time such as 2026-01-31T12:00:00Z",
  safeint: "a whole number",
};

const UNITS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  array: ["entry", "entries"],
  string: ["character", "characters"],
};

/** `"a", "b" or "c"`. */
const alternatives = (words: readonly string[]): string =>
  [words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" or ");

function limit(
  inclusive: string,
  exclusive: string,
  bound: number | bigint,
  issue: { readonly origin: string; readonly inclusive?: boolean | undefined },
): string {
  const words = `${issue.inclusive === false ? exclusive : inclusive} ${bound}`;
  const [one, many] = UNITS[issue.origin] ?? [];
  return one ? `${words} ${Number(bound) === 1 ? one : many}` : words;
}

import { oneLine } from "@softmax-bench/graph";
import { z } from "zod";
import { messageOf } from "../errors.js";
import { expectation } from "./issue.js";
import { type Results, results, SCHEMA_VERSION } from "./schema.js";

/** A text that is not a results file; the message names the invalid field. */
export class ResultsError extends Error {
  override readonly name = "ResultsError";

  constructor(message: string) {
    super(oneLine(message));
  }
}

/** A results file of another version of the schema than this program's. */
export class SchemaVersionError extends ResultsError {
  constructor(found: number) {
    const remedy =
      found > SCHEMA_VERSION ? "use a newer one" : "use the version that wrote it, or measure again";
    super(`schemaVersion: ${found}, and this program reads ${SCHEMA_VERSION}; ${remedy}`);
  }
}

/**
 * The text of a results file.
 * @param indent spaces per level; 0 for one line
 * @throws ResultsError if the value does not match the schema: such a file is never written.
 */
export function formatResults(value: Results, indent = 1): string {
  const encoded = z.safeEncode(results, value);
  if (!encoded.success) throw new ResultsError(describeIssue(encoded.error, value));
  return `${JSON.stringify(encoded.data, null, indent)}\n`;
}

/** @throws ResultsError if the text is not JSON or does not match the schema. */
export const parseResults = (json: string): Results => decodeResults(parseJson(json));

/** Reads parsed JSON. @throws ResultsError if it violates the schema, SchemaVersionError for another version */
export function decodeResults(value: unknown): Results {
  const version = (value as { schemaVersion?: unknown } | null | undefined)?.schemaVersion;
  if (typeof version === "number" && version !== SCHEMA_VERSION) {
    throw new SchemaVersionError(version);
  }
  const decoded = results.safeDecode(value as z.input<typeof results>);
  if (!decoded.success) throw new ResultsError(describeIssue(decoded.error, value));
  return decoded.data;
}

/** The published JSON Schema of results files. */
export const resultsJsonSchema = (): object => z.toJSONSchema(results, { io: "input" });

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new ResultsError(`not JSON: ${messageOf(error)}`);
  }
}

/** `cells[3].timing.gradient.medianNs: …`: the first problem, in one line. */
export function describeIssue(error: z.ZodError, value: unknown): string {
  const [issue] = error.issues;
  if (!issue) return "does not match the schema";
  const path = issue.path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key).slice(0, LONGEST)}`))
    .join("")
    .replace(/^\./, "");
  const found = issue.path.reduce<unknown>(
    (parent, key) => (parent as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );
  const got = found === undefined ? "nothing" : excerpt(found);
  // The schema's own rules say what is wrong, and name what is missing or unexpected.
  const isSaid = issue.code === "unrecognized_keys" || (issue.code === "custom" && found === undefined);
  return oneLine(`${path ? `${path}: ` : ""}${expectation(issue)}${isSaid ? "" : `, got ${got}`}`);
}

/** The maximum number of characters of a name or a value in a message. */
const LONGEST = 60;

const excerpt = (value: unknown): string =>
  (JSON.stringify(beginning(value, 3)) ?? String(value)).slice(0, LONGEST);

/** The first members of a value, down to `levels`: a value may be nested deeper than `JSON.stringify` can handle. */
function beginning(value: unknown, levels: number): unknown {
  if (typeof value === "string") return value.slice(0, LONGEST);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return "…";
  if (Array.isArray(value)) return value.slice(0, LONGEST).map((inner) => beginning(inner, levels - 1));
  const members = Object.entries(value).slice(0, LONGEST);
  return Object.fromEntries(members.map(([key, inner]) => [key, beginning(inner, levels - 1)]));
}

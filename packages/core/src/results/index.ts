/**
 * Reading, checking and writing results: an entry point of its own, since the schema library takes as long to load as
 * everything else that a measuring process needs.
 */
export * as schema from "./schema.js";
export {
  decodeResults,
  describeIssue,
  formatResults,
  parseResults,
  ResultsError,
  resultsJsonSchema,
  SchemaVersionError,
} from "./serialize.js";

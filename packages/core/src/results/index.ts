/**
 * Reading, checking and writing results. This is a separate entry point because the schema library takes as long to
 * load as everything else in a measuring process.
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

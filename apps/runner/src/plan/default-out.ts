/** The folder that runs are written to unless a user names another. */
export const DEFAULT_OUT = "bench-results";

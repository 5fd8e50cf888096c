/**
 * The parent of a run in a page: what is here, and all that it imports, runs in any JavaScript host. `apps/site` bundles
 * it.
 */

export { measureVisitor } from "./run/visitors/measure-visitor.js";
export { progressObserver } from "./run/visitors/progress.js";
export { parseVisitorRequest } from "./run/visitors/visitor.js";

/**
 * The parent of a run in a page: what is here, and all that it imports, runs in any JavaScript host. `apps/site` bundles
 * it.
 */

export { measureVisitor } from "./visitors/measure-visitor.js";
export { progressObserver } from "./visitors/progress.js";
export { parseVisitorRequest } from "./visitors/visitor.js";

/** The module that workers load backends from: a `BackendsModule`. */
export { loadInWorker as loadBackend } from "./load-backends.js";

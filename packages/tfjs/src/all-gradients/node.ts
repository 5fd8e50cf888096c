import { createRequire } from "node:module";

/**
 * Registers the gradients of all kernels. Uses `require`, because Node's `import` would first parse every bundle of
 * TensorFlow.js for the names of its exports, which takes longer than running them.
 */
createRequire(import.meta.url)("@tensorflow/tfjs");

/** Registers the gradients of all kernels. */
import "@tensorflow/tfjs";

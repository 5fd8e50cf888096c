/**
 * The backend and the method that compute float64 references: a backend that has float64, and a method that is not
 * compared.
 */
export const REFERENCE = { backend: "onnxruntime-cpu", method: "autograd/shifted-detached" } as const;

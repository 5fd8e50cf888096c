/** What float64 references are computed by: a backend that has float64, and neither of two methods that are compared. */
export const REFERENCE = { backend: "onnxruntime-cpu", method: "autograd/shifted-detached" } as const;

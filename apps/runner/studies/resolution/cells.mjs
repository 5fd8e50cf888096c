/** Twelve cells on four backends, from tens of microseconds to tens of milliseconds. */
export const CELLS = [
  "wasm-simd manual/fused float32 cifar-head",
  "wasm-simd manual/fused float32 imagenet-head",
  "wasm-simd manual/shifted float64 seed-3200",
  "onnxruntime-cpu manual/fused float32 cifar-head",
  "onnxruntime-cpu autograd/library float32 imagenet-head",
  "onnxruntime-cpu manual/log-softmax float32 vocab",
  "onnxruntime-web manual/fused float32 cifar-head",
  "onnxruntime-web manual/shifted float32 imagenet-head",
  "onnxruntime-web manual/log-softmax float32 vocab",
  "tfjs-wasm manual/fused float32 cifar-head",
  "tfjs-wasm manual/shifted float32 imagenet-head",
  "tfjs-wasm manual/fused float32 seed-3200",
];

export const REPEATS = 5;
export const FULL_RUNS = 10;
export const LOADED_RUNS = 2;

export const folderOf = (kind, index) => `${kind}-${String(index).padStart(2, "0")}`;

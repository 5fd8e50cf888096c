import {
  backend_util,
  getKernel,
  type KernelBackend,
  type NamedAttrMap,
  registerKernel,
  type TensorInfo,
} from "@tensorflow/tfjs-core";

const KERNEL = "Conv2DBackpropFilter";
const BACKEND = "wasm";

/** The attributes that TensorFlow.js gives to the kernel. */
interface Attributes {
  readonly strides: [number, number] | number;
  readonly pad: Parameters<typeof backend_util.computeConv2DInfo>[4];
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
  readonly filterShape: [number, number, number, number];
}

/**
 * The one kernel that the wasm backend lacks for training convolutions: the gradient with respect to the filter. For each
 * of its places, the elements of x `[N, H, W, C]` that it met, as a matrix, times the upstream gradient `[N, h, w, M]` –
 * out of the backend's own slices and products.
 */
export function registerFilterGradient(): void {
  if (getKernel(KERNEL, BACKEND)) return;
  registerKernel({
    kernelName: KERNEL,
    backendName: BACKEND,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
      return filterGradient(x, dy, attrs as unknown as Attributes, backend as KernelBackend);
    },
  });
}

function filterGradient(
  x: TensorInfo,
  dy: TensorInfo,
  { strides, pad, dimRoundingMode, filterShape }: Attributes,
  backend: KernelBackend,
): TensorInfo {
  const run = (kernel: string, inputs: Record<string, TensorInfo>, attrs: object): TensorInfo => {
    const found = getKernel(kernel, BACKEND);
    if (!found) throw new Error(`the wasm backend has no kernel ${kernel}`);
    return found.kernelFunc({ inputs, backend, attrs: attrs as NamedAttrMap }) as TensorInfo;
  };
  const xShape = x.shape as [number, number, number, number];
  const geometry = backend_util.computeConv2DInfo(xShape, filterShape, strides, 1, pad, dimRoundingMode);
  const { padInfo, strideHeight, strideWidth, outHeight, outWidth, batchSize, inChannels, outChannels } =
    geometry;
  const paddings = [
    [0, 0],
    [padInfo.top, padInfo.bottom],
    [padInfo.left, padInfo.right],
    [0, 0],
  ];
  const isPadded = paddings.some(([before, after]) => before !== 0 || after !== 0);
  const padded = isPadded ? run("PadV2", { x }, { paddings, constantValue: 0 }) : x;

  /** Takes the place of its operands. */
  const joinedAlongFirst = (operands: readonly TensorInfo[]): TensorInfo => {
    const [only, ...others] = operands;
    if (only && others.length === 0) return only;
    // This kernel takes its inputs as a list.
    const joined = run("Concat", operands as unknown as Record<string, TensorInfo>, { axis: 0 });
    for (const { dataId } of operands) backend.disposeData(dataId);
    return joined;
  };

  const places = batchSize * outHeight * outWidth;
  const upstream = { ...dy, shape: [1, places, outChannels] };
  const [height, width] = filterShape;
  const parts: TensorInfo[] = [];
  for (let ky = 0; ky < height; ky++) {
    for (let kx = 0; kx < width; kx++) {
      const met = run(
        "StridedSlice",
        { x: padded },
        {
          begin: [0, ky, kx, 0],
          end: [
            batchSize,
            ky + (outHeight - 1) * strideHeight + 1,
            kx + (outWidth - 1) * strideWidth + 1,
            inChannels,
          ],
          strides: [1, strideHeight, strideWidth, 1],
          ...{ beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 },
        },
      );
      const columns = { ...met, shape: [1, places, inChannels] };
      parts.push(run("BatchMatMul", { a: columns, b: upstream }, { transposeA: true, transposeB: false }));
      backend.disposeData(met.dataId);
    }
  }
  const joined = joinedAlongFirst(parts);
  if (isPadded) backend.disposeData(padded.dataId);
  return { ...joined, shape: filterShape };
}

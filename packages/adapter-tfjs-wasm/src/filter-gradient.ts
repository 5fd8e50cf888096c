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
 * The one kernel that the wasm backend lacks for training convolutions: the gradient with respect to the filter, out of
 * the backend's own convolution and transposes.
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

/**
 * The gradient is itself a convolution: of x, whose channels are now the batch and whose batch the channels, with the
 * upstream gradient as the filter, dilated by what were the strides.
 *
 * @param x `[N, H, W, C]`
 * @param dy `[N, h, w, M]`
 * @returns `[kH, kW, C, M]`
 */
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
  /** Takes the place of its operand. */
  const replaced = (kernel: string, x: TensorInfo, attrs: object): TensorInfo => {
    const result = run(kernel, { x }, attrs);
    backend.disposeData(x.dataId);
    return result;
  };
  const xShape = x.shape as [number, number, number, number];
  const { padInfo, strideHeight, strideWidth } = backend_util.computeConv2DInfo(
    ...([xShape, filterShape, strides, 1, pad, dimRoundingMode] as const),
  );
  const [height, width, inChannels, outChannels] = filterShape;

  const images = run("Transpose", { x }, { perm: [3, 1, 2, 0] });
  const filter = run("Transpose", { x: dy }, { perm: [1, 2, 0, 3] });
  const places = run(
    "Conv2D",
    { x: images, filter },
    {
      strides: 1,
      dilations: [strideHeight, strideWidth],
      pad: [
        [0, 0],
        [padInfo.top, padInfo.bottom],
        [padInfo.left, padInfo.right],
        [0, 0],
      ],
      dataFormat: "NHWC",
    },
  );
  for (const { dataId } of [images, filter]) backend.disposeData(dataId);
  // Rows and columns of x that the strides skip at the end make for more places than the filter has.
  const kept = replaced("Slice", places, {
    begin: [0, 0, 0, 0],
    size: [inChannels, height, width, outChannels],
  });
  return replaced("Transpose", kept, { perm: [1, 2, 0, 3] });
}

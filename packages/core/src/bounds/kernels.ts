import type { FloatDType } from "@softmax-bench/graph";

/** The accuracy of a runtime's elementary functions, in unit roundoffs. Backends below `FAITHFUL` declare it. */
export interface KernelAccuracy {
  /** Relative error of exp(x): `fixed + perArgument · |x|`. */
  readonly exp: { readonly fixed: number; readonly perArgument: number };
  /** Error of log(x): `absolute + relative · |log x|`. */
  readonly log: { readonly absolute: number; readonly relative: number };
  /** Relative error of a division. */
  readonly division: number;
  /** The dtype whose accuracy they have, regardless of the tensor's. */
  readonly precision?: FloatDType;
  /** True if numbers in half precision are computed with as float32, and each result is rounded once. */
  readonly widensHalf?: boolean;
}

/** Two ULP for exponentials and logarithms, as in processors' mathematical libraries; IEEE 754 division. */
export const FAITHFUL: KernelAccuracy = {
  exp: { fixed: 4, perArgument: 0 },
  log: { absolute: 0, relative: 4 },
  division: 1,
};

/**
 * The errors that shading languages grant their implementations: exp within 3 + 2|x| ULP, log within 3 ULP or 2^-21, a division within
 * 2.5 ULP (WGSL, section 15.7.4, "Floating point accuracy"; Vulkan, appendix A, "Precision of GLSL.std.450 Instructions").
 * WebGL is held to the same. An ULP is two unit roundoffs at most.
 */
export const SHADER_KERNELS: KernelAccuracy = {
  exp: { fixed: 6, perArgument: 4 },
  log: { absolute: 2 ** -21 * 2 ** 24, relative: 6 },
  division: 5,
};

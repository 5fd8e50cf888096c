/** Host arrays of the two floating-point dtypes. */
export type FloatArray = Float32Array | Float64Array;

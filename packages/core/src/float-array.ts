/** Host arrays of floating-point dtypes: half precision is held in a Float32Array. */
export type FloatArray = Float32Array | Float64Array;

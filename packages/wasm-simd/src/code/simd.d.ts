/** The kernel's WebAssembly, compressed by raw deflate, in base64. The module is made by `build/embed-code.mjs`. */
export const code: string;
/** The position of the byte that says whether the imported memory is shared. */
export const limits: number;

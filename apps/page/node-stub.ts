/** In the place of Node's modules, where code that reads files is bundled but never called. */
const unavailable = (): never => {
  throw new Error("a page has no files");
};

export const [closeSync, openSync, readFileSync, readSync, realpathSync, statSync] =
  Array(6).fill(unavailable);
export const [dirname, isAbsolute, join, relative] = Array(4).fill(unavailable);
export const sep = "/";

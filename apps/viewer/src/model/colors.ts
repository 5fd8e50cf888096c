/**
 * Chosen by search: with this seed, this project's own backends are far apart, and so are its methods, and all of them
 * have a contrast of 3 to 1 with the page, light and dark. Other names are wherever the hash puts them.
 */
const SEED = 520_112;

const LIGHTNESS = [0.54, 0.6, 0.66];
const CHROMA = [0.17, 0.1];

/** The color of a backend or a method, on every page and under every filter: its name alone decides. */
export function colorOf(name: string): string {
  const bits = hash(name);
  const lightness = LIGHTNESS[(bits >>> 10) % LIGHTNESS.length];
  const chroma = CHROMA[(bits >>> 14) % CHROMA.length];
  return `oklch(${lightness} ${chroma} ${bits % 360})`;
}

/** The colors of the names of a chart, for its scale and legend. */
export function colorScale(names: Iterable<string>) {
  const domain = [...new Set(names)];
  return { type: "categorical", domain, range: domain.map(colorOf) } as const;
}

/** FNV-1a, and the finalizer of MurmurHash3 after it: similar names get different bits. */
function hash(name: string): number {
  let bits = SEED;
  for (let index = 0; index < name.length; index++) {
    bits = Math.imul(bits ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35) >>> 0;
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Grows with every change of the protocol that an older worker would misread. */
export const PROTOCOL_VERSION = 4;

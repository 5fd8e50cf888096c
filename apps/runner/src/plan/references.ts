/** Backends outside JavaScript. They run only where they are named. */
const REFERENCES: readonly string[] = ["pytorch", "jax"];

export const isReference = (id: string): boolean => REFERENCES.includes(id);

/** The mark of references in the record of a backend, whether it is available or not. */
export const referenceMark = (id: string): { readonly reference?: true } =>
  isReference(id) ? { reference: true } : {};

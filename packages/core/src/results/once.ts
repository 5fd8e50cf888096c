import type { z } from "zod";

/** Rejects a list in which two records have the same values of some fields: no reader could know which one counts. */
export const once =
  <Field extends string>(...fields: readonly Field[]) =>
  (
    records: readonly { readonly [field in Field]?: string | number | undefined }[],
    context: z.RefinementCtx,
  ): void => {
    const seen = new Map<string, number>();
    for (const [index, record] of records.entries()) {
      const values = fields.map((field) => record[field]);
      const key = JSON.stringify(values);
      const before = seen.get(key);
      if (before === undefined) {
        seen.set(key, index);
        continue;
      }
      const name = values.filter((value) => value !== undefined).join(" ");
      const message = `expected one record of ${name}, this is the second after [${before}]; remove one of the two`;
      context.addIssue({ code: "custom", path: [index], message });
    }
  };

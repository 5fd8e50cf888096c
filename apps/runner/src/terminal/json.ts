/** A value as JSON, with the numbers that JSON lacks by name: "NaN", "Infinity", "-Infinity". */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === "number" && !Number.isFinite(member) ? String(member) : member,
  );

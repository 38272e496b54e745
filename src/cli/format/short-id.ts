/** The first 12 hex digits of an id or digest: what people compare and paste. */
export function shortId(id: string): string {
  return id.replace(/^sha(?:256|512):/, "").slice(0, 12);
}

/** What a message of the resize channel may hold at most; longer ones are thrown away. */
const maxPendingBytes = 1024;
const highest = 65_535;

/**
 * The resize channel: JSON objects `{"Width":80,"Height":24}` one behind the other, cut anywhere (kubectl ends each with a line
 * break, browsers with nothing). What is not such an object is skipped: a terminal's size is not worth a session.
 */
export class ResizeReader {
  readonly #resize: (columns: number, rows: number) => void;
  #pending = "";

  constructor(resize: (columns: number, rows: number) => void) {
    this.#resize = resize;
  }

  push(bytes: Uint8Array): void {
    // Only the latest size matters: of a flood the last kilobyte is enough.
    this.#pending = (this.#pending + Buffer.from(bytes.subarray(-maxPendingBytes)).toString("latin1")).slice(
      -maxPendingBytes,
    );
    const end = this.#pending.lastIndexOf("}");
    if (end < 0) return;
    const start = this.#pending.lastIndexOf("{", end);
    const text = this.#pending.slice(Math.max(0, start), end + 1);
    this.#pending = this.#pending.slice(end + 1);
    const size = parseSize(text);
    if (size !== undefined) this.#resize(size.columns, size.rows);
  }
}

/** Go's JSON decoder, which the field reads sizes with, does not care for the case of names. */
function parseSize(text: string): { readonly columns: number; readonly rows: number } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = new Map(Object.entries(value).map(([name, field]) => [name.toLowerCase(), field as unknown]));
  const columns = fields.get("width");
  const rows = fields.get("height");
  return isSize(columns) && isSize(rows) ? { columns, rows } : undefined;
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= highest;
}

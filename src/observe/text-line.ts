/** One JSON log line as people read it: `2026-01-02T03:04:05.678Z WARN  slow rpc rpc=Status durationMs=2100`. */
export function textLine(json: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const words = [String(time), String(level).toUpperCase().padEnd(5), String(msg ?? "")];
  for (const [key, value] of Object.entries(fields)) words.push(`${key}=${shown(value)}`);
  const { message, stack, suppressed, undoing } = (
    typeof err === "object" && err !== null ? err : { message: err }
  ) as Record<string, unknown>;
  if (suppressed !== undefined) words.push(`error=${shown(suppressed)}`, `undoing=${shown(undoing)}`);
  else if (message !== undefined) words.push(`error=${shown(message)}`);
  // A failure that was foreseen is told by its message; the stack is for those at level error.
  const trace = level === "error" && typeof stack === "string" ? `\n${stack}` : "";
  return `${words.join(" ")}${trace}\n`;
}

/** Quoted when it would not read as one word; control characters are escaped by the quoting. */
function shown(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "undefined";
}

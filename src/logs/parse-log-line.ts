/** One line of a container's log file, without its line feed. `content` is a view of the bytes it was parsed from. */
export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  readonly timestamp: string;
  readonly stream: "stdout" | "stderr";
  /** The writer cut a longer line here: the next line of the same stream goes on with it. */
  readonly partial: boolean;
  readonly content: Uint8Array;
}

const space = 0x20;
const longestHeader = 64;

/**
 * Parses `<RFC 3339 nanos> <stdout|stderr> <P|F>[:more tags] <content>`: the CRI log format
 * (kubernetes/design-proposals-archive, node/kubelet-cri-logging.md).
 *
 * @returns undefined for anything else, such as a line that a full disk cut short.
 */
export function parseLogLine(line: Uint8Array): LogLine | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  // A line without content may end right after its tag.
  const headerEnd = third < 0 ? line.length : third;
  if (first <= 0 || second < 0 || headerEnd > longestHeader) return undefined;
  const [timestamp = "", stream, tags = ""] = Buffer.from(line.buffer, line.byteOffset, headerEnd)
    .toString("latin1")
    .split(" ");
  const tag = tags.split(":", 1)[0];
  if ((stream !== "stdout" && stream !== "stderr") || (tag !== "P" && tag !== "F")) return undefined;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(timestamp)) return undefined;
  return { timestamp, stream, partial: tag === "P", content: line.subarray(Math.min(headerEnd + 1, line.length)) };
}

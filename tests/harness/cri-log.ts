import { existsSync, readFileSync } from "node:fs";

/** One line of a CRI log file: `<RFC 3339 with up to nanoseconds> <stream> <tags> <content>`. */
export interface LogLine {
  readonly timestamp: string;
  readonly stream: "stdout" | "stderr";
  /** F: a full line or the end of one; P: a part, more follows. */
  readonly tag: "F" | "P";
  readonly content: string;
}

const LINE = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})) (stdout|stderr) ([FP]) (.*)$/s;

/** @throws on a line that is not in the format; a last line without newline is one too. */
export function parseCriLog(text: string): readonly LogLine[] {
  if (text === "") return [];
  if (!text.endsWith("\n")) throw new Error(`torn last line: ${JSON.stringify(text.slice(-80))}`);
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => {
      const [, timestamp, stream, tag, content] = LINE.exec(line) ?? [];
      if (timestamp === undefined || content === undefined)
        throw new Error(`not a CRI log line: ${line.slice(0, 120)}`);
      if ((stream !== "stdout" && stream !== "stderr") || (tag !== "F" && tag !== "P"))
        throw new Error(`bad log line: ${line}`);
      return { timestamp, stream, tag, content };
    });
}

/** Parsed lines of a log file; none when it is not there yet. */
export function readCriLog(path: string): readonly LogLine[] {
  return existsSync(path) ? parseCriLog(readFileSync(path, "utf8")) : [];
}

/** What the workload wrote to `stream`, with partial lines joined as a reader of logs joins them. */
export function logText(lines: readonly LogLine[], stream: "stdout" | "stderr" = "stdout"): string {
  return lines
    .filter((line) => line.stream === stream)
    .map((line) => line.content + (line.tag === "F" ? "\n" : ""))
    .join("");
}

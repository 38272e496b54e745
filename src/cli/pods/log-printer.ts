import type { LogLine } from "../../logs/parse-log-line.ts";
import { parseLogTime } from "../../logs/parse-log-time.ts";
import type { CliIo } from "../program/cli-io.ts";

export interface LogPrinterOptions {
  /** Lines older than this are left out. */
  readonly sinceNs: bigint | undefined;
  readonly timestamps: boolean;
}

const lineFeed = new Uint8Array([0x0a]);

/** Writes log lines as the container wrote them: each stream to its own, cut lines put together again. */
export class LogPrinter {
  readonly #io: CliIo;
  readonly #options: LogPrinterOptions;
  /** Streams whose last line was cut: the next piece continues it, without a timestamp of its own. */
  readonly #open = new Set<LogLine["stream"]>();

  constructor(io: CliIo, options: LogPrinterOptions) {
    this.#io = io;
    this.#options = options;
  }

  /** Resolves when the lines have left this process: a slow reader slows the reading, not the memory. */
  async print(lines: readonly LogLine[]): Promise<void> {
    const { sinceNs, timestamps } = this.#options;
    const pieces = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
    for (const line of lines) {
      if (sinceNs !== undefined && (parseLogTime(line.timestamp) ?? sinceNs) < sinceNs) continue;
      const into = pieces[line.stream];
      if (timestamps && !this.#open.has(line.stream)) into.push(Buffer.from(`${line.timestamp} `));
      into.push(line.content);
      if (line.partial) this.#open.add(line.stream);
      else {
        this.#open.delete(line.stream);
        into.push(lineFeed);
      }
    }
    for (const stream of ["stdout", "stderr"] as const) {
      if (pieces[stream].length > 0) this.#io[stream].write(Buffer.concat(pieces[stream]));
    }
    await Promise.all([this.#io.stdout.flush(), this.#io.stderr.flush()]);
  }
}

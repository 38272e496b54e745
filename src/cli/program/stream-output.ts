import type { CliOutput } from "./cli-io.ts";

/** One of the process's own output streams. Make one for each stream: it listens for the reader's leaving. */
export function createStreamOutput(
  stream: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>>,
): CliOutput {
  let pending = 0;
  let closed = false;
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  const done = (): void => {
    pending -= 1;
    if (pending === 0) wake();
  };
  // `crib logs | head`: the reader leaving is no failure of ours, but writing on is of no use.
  stream.on("error", () => {
    closed = true;
    wake();
  });
  return {
    isTerminal: stream.isTTY === true,
    color: stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb",
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
    get closed() {
      return closed;
    },
    write: (data) => {
      if (closed || data.length === 0) return;
      pending += 1;
      stream.write(data, done);
    },
    flush: () =>
      pending === 0 || closed
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push(resolve);
          }),
  };
}

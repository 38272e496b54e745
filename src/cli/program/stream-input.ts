import type { ReadStream } from "node:tty";
import type { CliInput } from "./cli-io.ts";

/** The process's standard input. */
export function createStreamInput(stream: NodeJS.ReadStream): CliInput {
  return {
    isTerminal: stream.isTTY === true,
    async *chunks(signal) {
      const stop = (): void => void stream.destroy();
      signal.addEventListener("abort", stop, { once: true });
      try {
        for await (const chunk of stream) yield chunk as Uint8Array;
      } catch (error) {
        // Destroying the stream under the loop is how it is ended.
        if (!signal.aborted) throw error;
      } finally {
        signal.removeEventListener("abort", stop);
      }
    },
    raw: () => (stream.isTTY === true ? rawMode(stream) : { [Symbol.dispose]: () => undefined }),
  };
}

function rawMode(stream: ReadStream): Disposable {
  stream.setRawMode(true);
  return { [Symbol.dispose]: () => void stream.setRawMode(false) };
}

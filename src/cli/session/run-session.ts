import type { CliIo } from "../program/cli-io.ts";
import { DetachKeys } from "./detach-keys.ts";
import { SessionClient } from "./session-client.ts";
import type { SessionEnd } from "./session-status.ts";

export interface SessionOptions {
  /** Our standard input goes to the command. */
  readonly stdin: boolean;
  /** The command has a terminal: ours goes raw and its size is passed on. */
  readonly tty: boolean;
  /** Ctrl-P Ctrl-Q leaves it running. */
  readonly detachable: boolean;
  /** Ends the session from outside; its command is hung up on. */
  readonly signal?: AbortSignal;
  /** Called once when everything the command says from then on comes here, before any of it is shown. */
  readonly onConnected?: () => Promise<void>;
  /** What of the first output is shown. */
  readonly firstOutput?: (bytes: Uint8Array) => Uint8Array;
}

export type SessionOutcome = SessionEnd | { readonly kind: "detached" };

/**
 * Joins this process's standard streams and terminal to a session, until the command has ended or the user left.
 *
 * @throws {CribError} unavailable when the streaming server cannot be reached.
 */
export async function runSession(io: CliIo, url: string, options: SessionOptions): Promise<SessionOutcome> {
  const connected = Promise.withResolvers<void>();
  let first = true;
  using client = await SessionClient.open(url, {
    onOutput: async (stream, bytes) => {
      const output = stream === "stdout" ? io.stdout : io.stderr;
      const kept = Uint8Array.from(bytes);
      if (kept.length === 0) return;
      await connected.promise;
      output.write(first ? (options.firstOutput?.(kept) ?? kept) : kept);
      first = false;
      await output.flush();
    },
  });
  using stack = new DisposableStack();
  await client.joined;
  await options.onConnected?.();
  connected.resolve();
  const left = Promise.withResolvers<SessionOutcome>();
  options.signal?.addEventListener("abort", () => left.resolve({ kind: "detached" }), { once: true });
  const reading = new AbortController();
  stack.defer(() => reading.abort());
  // Raw before the first key is read, and cooked again before the input is closed.
  if (options.tty && options.stdin) stack.use(io.stdin.raw());
  if (options.tty && io.stdout.isTerminal) {
    const tell = (): void => client.resize(io.stdout.columns, io.stdout.rows);
    tell();
    stack.use(io.onResize(tell));
  }
  if (options.stdin) {
    sendInput(io, client, options, reading.signal).then(
      (detached) => {
        if (detached) left.resolve({ kind: "detached" });
      },
      (error: unknown) => left.reject(error),
    );
  }
  return await Promise.race([client.ended, left.promise]);
}

/** Resolves with true when the user typed the keys that detach, with false at the end of the input. */
async function sendInput(
  io: CliIo,
  client: SessionClient,
  { tty, detachable }: SessionOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const keys = new DetachKeys();
  for await (const bytes of io.stdin.chunks(signal)) {
    if (!(tty && detachable)) {
      await client.sendInput(bytes);
      continue;
    }
    const { pass, detach } = keys.filter(bytes);
    await client.sendInput(pass);
    if (detach) return true;
  }
  if (!signal.aborted) client.endInput();
  return false;
}

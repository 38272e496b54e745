import { CribError } from "../../errors/crib-error.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { ProcessStreams } from "../../runtime/streams.ts";
import type { ContainerAttachRequest, ExecRequest } from "../stream-request.ts";
import type { ExitStatus } from "./exit-status.ts";
import { IdleTimer } from "./idle-timer.ts";
import { headroomBytes } from "./input-blocks.ts";
import { InputPump } from "./input-pump.ts";
import type { RemoteClient, RemoteSession } from "./remote-client.ts";

export interface SessionHost {
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly log: Log;
  /** Without a byte of data for this long a session ends; pings and resizes do not count. */
  readonly idleTimeoutMs: number;
}

/**
 * One exec or attach: a process's streams on one side, a client on the other.
 *
 * Order: all output, then the status, then the end of the connection. Whichever side goes first, the other is let go of, and
 * nothing of the session stays: no timer, no process, no descriptor.
 */
export class RemoteCommandSession implements RemoteSession {
  readonly #request: ExecRequest | ContainerAttachRequest;
  readonly #client: RemoteClient;
  readonly #host: SessionHost;
  readonly #idle: IdleTimer;
  readonly #stdin: InputPump;
  readonly #opened: Promise<ProcessStreams>;
  #process: ProcessStreams | undefined;
  #over = false;

  /** @param open starts the command, or joins the container's; it is called at once. */
  constructor(
    request: ExecRequest | ContainerAttachRequest,
    open: () => Promise<ProcessStreams>,
    client: RemoteClient,
    host: SessionHost,
  ) {
    this.#request = request;
    this.#client = client;
    this.#host = host;
    this.#opened = open();
    this.#idle = new IdleTimer(host.clock, host.idleTimeoutMs, () => {
      host.log.info({ kind: request.kind, container: request.containerId }, "stream ended: nothing came or went");
      this.#end({ kind: "failed", message: "the stream was idle for too long" });
    });
    this.#stdin = new InputPump({
      write: (bytes) => this.#write(bytes),
      end: () => this.#endInput(),
      hold: (full) => {
        if (this.#over) return;
        if (full) client.pauseInput();
        else client.resumeInput();
      },
    });
    void this.#run();
  }

  stdin(bytes: Uint8Array): void {
    if (this.#over || !this.#request.stdin) return;
    this.#idle.touch();
    this.#stdin.push(bytes);
  }

  stdinEnd(): void {
    if (!this.#over && this.#request.stdin) this.#stdin.end();
  }

  resize(columns: number, rows: number): void {
    if (this.#over || !this.#request.terminal) return;
    this.#opened
      .then((process) => (this.#over ? undefined : process.resize(columns, rows)))
      .catch((error: unknown) => this.#host.log.debug({ err: error, columns, rows }, "terminal not resized"));
  }

  drained(): void {
    if (!this.#over) this.#process?.resume();
  }

  gone(reason: string): void {
    if (this.#over) return;
    this.#host.log.debug({ kind: this.#request.kind, container: this.#request.containerId, reason }, "client is gone");
    this.#letGo();
  }

  async #run(): Promise<void> {
    try {
      const process = await this.#opened;
      if (this.#over) {
        process[Symbol.dispose]();
        return;
      }
      this.#process = process;
      this.#client.joined();
      process.onOutput((stream, bytes) => this.#output(process, stream, bytes));
      const exit = await process.exited;
      await process.drained;
      this.#end(this.#statusOf(exit));
    } catch (error) {
      if (this.#over) return;
      if (!CribError.is(error)) this.#host.log.error({ err: error }, "stream failed");
      this.#end({ kind: "failed", message: `cannot ${this.#request.kind}: ${messageOf(error)}` });
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await (await this.#opened).writeStdin(bytes, headroomBytes);
    } catch (error) {
      if (this.#endsWithInput) this.#end({ kind: "success" });
      throw error;
    }
  }

  /** Everything before is written by now. Input that others may join stays open: then it is this client that has come to its end. */
  async #endInput(): Promise<void> {
    const process = await this.#opened;
    if (this.#endsWithInput) this.#end({ kind: "success" });
    else await process.closeStdin();
  }

  get #endsWithInput(): boolean {
    return this.#request.kind === "attach" && this.#request.endsWithInput;
  }

  #output(process: ProcessStreams, stream: "stdout" | "stderr", bytes: Uint8Array): void {
    if (this.#over || !this.#request[stream]) return;
    this.#idle.touch();
    if (!this.#client.output(stream, bytes)) process.pause();
  }

  /** An attachment's end is no verdict on the container; the kubelet reads that from the container's status. */
  #statusOf({ exitCode, signal }: { readonly exitCode: number; readonly signal: number }): ExitStatus {
    const code = signal === 0 ? exitCode : signalBase + signal;
    return this.#request.kind === "attach" || code === 0 ? { kind: "success" } : { kind: "exited", exitCode: code };
  }

  #end(status: ExitStatus): void {
    if (this.#over) return;
    this.#letGo();
    this.#client.finish(status);
  }

  #letGo(): void {
    this.#over = true;
    this.#idle[Symbol.dispose]();
    this.#stdin.close();
    this.#process?.[Symbol.dispose]();
  }
}

/** A process killed by a signal, as a shell counts it. */
const signalBase = 128;

function messageOf(error: unknown): string {
  return CribError.is(error) ? error.message : "internal error; see the log of crib";
}

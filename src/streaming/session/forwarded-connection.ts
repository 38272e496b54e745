import { CribError } from "../../errors/crib-error.ts";
import type { Log } from "../../observe/log.ts";
import type { Duplex } from "../../runtime/streams.ts";
import { InputPump } from "./input-pump.ts";

/** The client's side of one forwarded connection, in whichever protocol. */
export interface ForwardClient {
  /** Takes all of `bytes`, which may be reused. False: hold back until {@link ForwardedConnection.drained}. */
  data(bytes: Uint8Array): boolean;
  /** The pod's program has ended its half. */
  dataEnd(): void;
  pauseInput(): void;
  resumeInput(): void;
  /** Both halves are over, or it broke; `problem` is for the client's error stream. Called once, and not after `gone`. */
  over(problem: string | undefined): void;
}

/** One connection to a port of a pod, with half-close in both directions. */
export class ForwardedConnection {
  readonly #client: ForwardClient;
  readonly #port: number;
  readonly #log: Log;
  readonly #touch: () => void;
  readonly #input: InputPump;
  readonly #opened: Promise<Duplex>;
  #duplex: Duplex | undefined;
  #over = false;

  /** @param touch is called for every byte that passes, for the idle timeout. */
  constructor(
    port: number,
    connect: () => Promise<Duplex>,
    client: ForwardClient,
    host: { readonly log: Log; readonly touch: () => void },
  ) {
    this.#client = client;
    this.#port = port;
    this.#log = host.log;
    this.#touch = host.touch;
    this.#opened = connect();
    this.#input = new InputPump({
      write: async (bytes) => (await this.#opened).write(bytes),
      end: async () => (await this.#opened).end(),
      hold: (full) => {
        if (this.#over) return;
        if (full) client.pauseInput();
        else client.resumeInput();
      },
    });
    void this.#run();
  }

  /** `bytes` may be reused afterwards. */
  data(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#touch();
    this.#input.push(bytes);
  }

  dataEnd(): void {
    if (!this.#over) this.#input.end();
  }

  drained(): void {
    if (!this.#over) this.#duplex?.resume();
  }

  /** The client has let go of it. */
  gone(): void {
    if (!this.#over) this.#letGo();
  }

  async #run(): Promise<void> {
    try {
      const duplex = await this.#opened;
      if (this.#over) {
        duplex[Symbol.dispose]();
        return;
      }
      this.#duplex = duplex;
      duplex.onData((bytes) => this.#fromPod(duplex, bytes));
      await duplex.closed;
      this.#end(undefined);
    } catch (error) {
      if (this.#over) return;
      if (!CribError.is(error)) this.#log.error({ err: error, port: this.#port }, "port-forward failed");
      const detail = CribError.is(error) ? error.message : "internal error; see the log of crib";
      this.#end(`error forwarding port ${this.#port}: ${detail}`);
    }
  }

  #fromPod(duplex: Duplex, bytes: Uint8Array | undefined): void {
    if (this.#over) return;
    if (bytes === undefined) {
      this.#client.dataEnd();
      return;
    }
    this.#touch();
    if (!this.#client.data(bytes)) duplex.pause();
  }

  #end(problem: string | undefined): void {
    if (this.#over) return;
    this.#letGo();
    this.#client.over(problem);
  }

  #letGo(): void {
    this.#over = true;
    this.#input.close();
    this.#duplex?.[Symbol.dispose]();
  }
}

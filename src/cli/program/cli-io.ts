import type { Config } from "../../config/config.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { Clock } from "../../observe/clock.ts";

/**
 * Everything the command line touches outside itself, so that a verb is a function of its arguments and this.
 *
 * `process-io.ts` is the real one, made by main; tests use `tests/fixtures/cli-io.ts`.
 */
export interface CliIo {
  readonly stdin: CliInput;
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly clock: Clock;
  /** Socket used when no `--address` is given: CRIB_ADDRESS, else CONTAINER_RUNTIME_ENDPOINT, else crib's own. */
  readonly defaultAddress: string;
  /** All of standard input, for secrets that must not be on a command line. */
  readStdin(): Promise<string>;
  /** Calls `listener` for each SIGINT or SIGTERM in place of dying; dispose to go back. */
  onInterrupt(listener: () => void): Disposable;
  /** Calls `listener` when the terminal's size has changed; dispose to stop. */
  onResize(listener: () => void): Disposable;
  /** System calls in this process: loading the C library takes a moment that most verbs need not spend. */
  kernel(): Kernel;
  /** The compiled executable this is; undefined when run from the sources. */
  readonly executable: string | undefined;
  /** This process, as another crib can check it: see `run/process-ref.ts`. */
  readonly processRef: string;
  /** Starts `crib serve` with `args` in a session of its own, its log in `logFile`; it outlives this process. */
  startDaemon(args: readonly string[], logFile: string): DaemonProcess;
  /** The daemon itself, in this process; resolves with its exit code. `reload` reads the configuration anew. */
  serve(config: Config, reload: () => Config): Promise<number>;
  /** Probes the host for `doctor`. */
  readonly host: DoctorHost;
}

export interface CliInput {
  readonly isTerminal: boolean;
  /** Input as it comes, until it ends or `signal` aborts; nothing is read ahead of the loop that takes it. */
  chunks(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Passes every key on unechoed, Ctrl-C too, until disposed of. Does nothing without a terminal. */
  raw(): Disposable;
}

export interface CliOutput {
  readonly isTerminal: boolean;
  /** SGR colours are allowed: a terminal, and no NO_COLOR in the environment. */
  readonly color: boolean;
  /** Current width in columns; 80 when unknown. */
  readonly columns: number;
  /** Current height; 24 when unknown. */
  readonly rows: number;
  write(data: string | Uint8Array): void;
  /** Resolves when what was written has left this process; await it where the amount is not bounded. */
  flush(): Promise<void>;
  /** The reader has gone away (EPIPE): nothing more can be delivered. */
  readonly closed: boolean;
}

export interface DaemonProcess {
  readonly pid: number;
  /** Resolves with the exit code, 128+signal when one ended it. */
  readonly exited: Promise<number>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** The host as `doctor` sees it. Missing files are undefined, never an exception. */
export interface DoctorHost {
  readText(path: string): string | undefined;
  readBytes(path: string): Uint8Array | undefined;
  /** Names in a directory; undefined when it is not there. */
  list(path: string): readonly string[] | undefined;
  exists(path: string): boolean;
  statfs(path: string):
    | {
        readonly type: number;
        readonly totalBytes: bigint;
        readonly availableBytes: bigint;
        readonly totalInodes: bigint;
        readonly freeInodes: bigint;
      }
    | undefined;
  /** Whether the kernel answers this call; undefined when it cannot be tried here. */
  probe(call: "openat2" | "pidfd_open" | "new-mount-api"): boolean | undefined;
  /** Whether a process accepts connections on a unix socket. */
  answers(socket: string): Promise<boolean>;
}

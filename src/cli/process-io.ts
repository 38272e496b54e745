import { spawn } from "node:child_process";
import { accessSync, closeSync, openSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { connect } from "node:net";
import type { Clock } from "../observe/clock.ts";
import type { CliIo, CliOutput, DaemonProcess, DoctorHost } from "./cli-io.ts";
import { processRefOf } from "./run/process-ref.ts";

/** What main has and this adapter needs. */
export interface ProcessIoParts {
  /** The process this command line runs in: its streams, signals and pid. */
  readonly process: NodeJS.Process;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Executable and first arguments that run crib again: one path when compiled, bun and main.ts in development. */
  readonly selfCommand: readonly [string, ...string[]];
  readonly serve: CliIo["serve"];
  /** Tries a kernel call harmlessly; undefined when it cannot be tried. */
  readonly probe: DoctorHost["probe"];
}

export const defaultSocket = "unix:///run/crib/crib.sock";

/** The command line's world, made of the real process. */
export function createProcessIo(parts: ProcessIoParts): CliIo {
  const { process, env } = parts;
  return {
    stdout: createOutput(process.stdout, env),
    stderr: createOutput(process.stderr, env),
    clock: parts.clock,
    defaultAddress: env["CRIB_ADDRESS"] || env["CONTAINER_RUNTIME_ENDPOINT"] || defaultSocket,
    readStdin: async () => {
      process.stdin.setEncoding("utf8");
      const chunks: string[] = [];
      for await (const chunk of process.stdin) chunks.push(String(chunk));
      return chunks.join("");
    },
    onInterrupt: (listener) => {
      process.on("SIGINT", listener);
      process.on("SIGTERM", listener);
      return {
        [Symbol.dispose]: () => {
          process.off("SIGINT", listener);
          process.off("SIGTERM", listener);
        },
      };
    },
    executable: parts.selfCommand.length === 1 ? parts.selfCommand[0] : undefined,
    processRef: processRefOf(process.pid),
    startDaemon: (args, logFile) => startDaemon(parts.selfCommand, args, logFile, env),
    serve: parts.serve,
    host: createDoctorHost(parts.probe),
  };
}

function createOutput(stream: NodeJS.WriteStream, env: ProcessIoParts["env"]): CliOutput {
  let pending = 0;
  let closed = false;
  let onIdle: (() => void) | undefined;
  const done = (): void => {
    pending -= 1;
    if (pending === 0) onIdle?.();
  };
  // `crib logs | head`: the reader leaving is no failure of ours, but writing on is of no use.
  stream.on("error", () => {
    closed = true;
    onIdle?.();
  });
  return {
    isTerminal: stream.isTTY === true,
    color: stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb",
    get columns() {
      return stream.columns || 80;
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
            onIdle = resolve;
          }),
  };
}

/** A session of its own: a Ctrl-C at the terminal reaches the command line only, which then ends things in order. */
function startDaemon(
  self: readonly [string, ...string[]],
  args: readonly string[],
  logFile: string,
  env: ProcessIoParts["env"],
): DaemonProcess {
  const [executable, ...first] = self;
  const log = openSync(logFile, "a", 0o600);
  try {
    const child = spawn(executable, [...first, ...args], {
      cwd: "/",
      detached: true,
      env: { ...env },
      stdio: ["ignore", log, log],
    });
    const exited = new Promise<number>((resolve) => {
      child.once("exit", (code) => resolve(code ?? 255));
      child.once("error", () => resolve(255));
    });
    child.unref();
    return { pid: child.pid ?? -1, exited, kill: (signal) => void child.kill(signal) };
  } finally {
    closeSync(log);
  }
}

function createDoctorHost(probe: DoctorHost["probe"]): DoctorHost {
  return {
    readText: (path) => orUndefined(() => readFileSync(path, "utf8")),
    readBytes: (path) => orUndefined(() => readFileSync(path)),
    list: (path) => orUndefined(() => readdirSync(path)),
    exists: (path) => orUndefined(() => accessSync(path) === undefined) ?? false,
    statfs: (path) =>
      orUndefined(() => {
        const stat = statfsSync(path, { bigint: true });
        return {
          type: Number(stat.type),
          totalBytes: stat.blocks * stat.bsize,
          availableBytes: stat.bavail * stat.bsize,
          totalInodes: stat.files,
          freeInodes: stat.ffree,
        };
      }),
    probe,
    answers,
  };
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const end = (answer: boolean): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.setTimeout(2000, () => end(false));
    connection.once("connect", () => end(true));
    connection.once("error", () => end(false));
  });
}

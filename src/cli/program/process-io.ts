import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Clock } from "../../observe/clock.ts";
import { createDoctorHost } from "../doctor/doctor-host.ts";
import { processRefOf } from "../run/process-ref.ts";
import type { CliIo, DaemonProcess, DoctorHost } from "./cli-io.ts";
import { createStreamInput } from "./stream-input.ts";
import { createStreamOutput } from "./stream-output.ts";

/** What main has and this adapter needs. */
export interface ProcessIoParts {
  /** The process this command line runs in: its streams, signals and pid. */
  readonly process: NodeJS.Process;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a daemon of its own is started with. */
  readonly daemonEnv: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Executable and first arguments that run crib again: one path when compiled, bun and main.ts in development. */
  readonly selfCommand: readonly [string, ...string[]];
  readonly serve: CliIo["serve"];
  readonly kernel: CliIo["kernel"];
  /** Tries a kernel call harmlessly; undefined when it cannot be tried. */
  readonly probe: DoctorHost["probe"];
}

export const defaultSocket = "unix:///run/crib/crib.sock";

/** The command line's world, made of the real process. */
export function createProcessIo(parts: ProcessIoParts): CliIo {
  const { process, env } = parts;
  return {
    stdin: createStreamInput(process.stdin),
    stdout: createStreamOutput(process.stdout, env),
    stderr: createStreamOutput(process.stderr, env),
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
    onResize: (listener) => {
      process.on("SIGWINCH", listener);
      return { [Symbol.dispose]: () => void process.off("SIGWINCH", listener) };
    },
    kernel: parts.kernel,
    executable: parts.selfCommand.length === 1 ? parts.selfCommand[0] : undefined,
    processRef: processRefOf(process.pid),
    startDaemon: (args, logFile) => startDaemon(parts.selfCommand, args, logFile, parts.daemonEnv),
    serve: parts.serve,
    host: createDoctorHost(parts.probe),
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

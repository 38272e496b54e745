import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { failedPrecondition } from "../errors/crib-error.ts";
import type { HostPath } from "../ids/path.ts";
import type { Fd } from "../ids/process.ts";
import type { Kernel } from "../kernel/port.ts";

/** A listening socket at a path; disposing of it removes the path if it still is this socket. */
export interface ClaimedSocket extends Disposable {
  readonly path: HostPath;
  readonly fd: Fd;
}

/** Connections the kernel keeps for a daemon that is busy; net.core.somaxconn bounds it. */
const backlog = 512;

/**
 * Listens at `path`, mode 0600, over a socket that a dead daemon left there, but never over a live one's.
 *
 * @param afterTakeover the former daemon was killed and hangs in the kernel: its socket takes connections, but nobody answers.
 * @throws {CribError} failed-precondition when somebody answers there, or something else than a socket is in the place.
 */
export async function claimSocket(kernel: Kernel, path: HostPath, afterTakeover = false): Promise<ClaimedSocket> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined) {
    if (!there.isSocket()) throw failedPrecondition(`cannot listen on ${path}: there is something else than a socket`);
    const problem = await connectProblem(path);
    const isDead = problem === "ECONNREFUSED" || (afterTakeover && problem === undefined && !(await answers(path)));
    if (!isDead) {
      const why =
        problem === undefined
          ? "another process answers there; stop it first"
          : `the socket there cannot be judged dead (${problem})`;
      throw failedPrecondition(`cannot listen on ${path}: ${why}`);
    }
    unlinkSync(path);
  }
  const fd = kernel.listenUnix(path, backlog);
  const { ino } = lstatSync(path);
  return {
    path,
    fd,
    [Symbol.dispose]: () => {
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) unlinkSync(path);
    },
  };
}

/** The errno name of a failed connect, undefined when somebody accepted. */
function connectProblem(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error) => resolve(String(Reflect.get(error, "code"))));
  });
}

/** What every HTTP/2 client begins with (RFC 9113, 3.4), and no settings of its own. */
const http2Preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
/** A server sends its settings at once. */
const answerMs = 2_000;

/** Whether somebody behind the socket speaks. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const over = (spoken: boolean) => {
      socket.destroy();
      resolve(spoken);
    };
    socket.setTimeout(answerMs, () => over(false));
    socket.once("connect", () => socket.write(http2Preface));
    socket.once("data", () => over(true));
    socket.once("end", () => over(true));
    socket.once("error", () => over(false));
  });
}

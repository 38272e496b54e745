import { unavailable } from "../../../errors/crib-error.ts";
import { hasErrno } from "../../../errors/has-errno.ts";
import type { SandboxId } from "../../../ids/object-id.ts";
import { type HostPath, joinHostPath } from "../../../ids/path.ts";
import type { Fd } from "../../../ids/process.ts";
import { O_DIRECTORY, O_PATH } from "../../../kernel/open-flags.ts";
import { OwnedFd } from "../../../kernel/owned-fd.ts";
import type { AsideCalls, FileCalls, ProcessCalls, SocketCalls } from "../../../kernel/port.ts";
import { SIGKILL } from "../../../kernel/signals.ts";
import type { Clock } from "../../../observe/clock.ts";
import { deadlines } from "../../deadlines.ts";
import { connectMonitor } from "./connect-monitor.ts";
import type { MonitorDial } from "./connection.ts";
import { readExitRecords } from "./exit-records.ts";
import type { Monitor, MonitorLauncher } from "./port.ts";
import { renewMonitor } from "./renew-monitor.ts";

export interface MonitorLauncherDependencies {
  readonly kernel: Pick<FileCalls, "open" | "read" | "close"> &
    Pick<SocketCalls, "listenUnix" | "converseAside"> &
    Pick<AsideCalls, "spawnDetached"> &
    Pick<ProcessCalls, "pidfdOpen" | "pidfdSendSignal">;
  /** The sealed memfd of `crib-monitor`; all monitors share its pages. */
  readonly monitorExecutable: Fd;
  /** What that is called. */
  readonly monitorBuild: string;
  readonly clock: Pick<Clock, "sleep">;
}

const socketName = "monitor.sock";
/** sun_path holds 108 bytes with its NUL (unix(7)). */
const longestSocketPath = 107;
/** Many execs connect at once; what does not fit is refused at the door (EAGAIN, unix(7)). */
const backlog = 512;

/**
 * The socket listens before the monitor runs and is handed to it, so that a connect right after never has to wait
 * or be tried again, and a daemon that dies in between finds a socket or none, never half of one.
 */
export function createMonitorLauncher({
  kernel,
  monitorExecutable,
  monitorBuild,
  clock,
}: MonitorLauncherDependencies): MonitorLauncher {
  /** Ours is closed before the connect: were the monitor to die at once, we would wait for ourselves to accept. */
  async function spawn(path: string, sandboxId: SandboxId, directory: HostPath): Promise<OwnedFd> {
    using listener = new OwnedFd(kernel, kernel.listenUnix(path, backlog));
    const pid = await kernel.spawnDetached(monitorExecutable, ["crib-monitor", sandboxId, directory], [listener.fd]);
    return new OwnedFd(kernel, kernel.pidfdOpen(pid));
  }
  function connect(sandboxId: SandboxId, directory: HostPath, helloMs: number): Promise<Monitor> {
    const dial: MonitorDial = (use) => withSocketPath(kernel, directory, use);
    return connectMonitor({ name: `monitor of sandbox ${sandboxId}`, sandboxId, dial, clock }, helloMs);
  }
  return {
    build: monitorBuild,
    async renew(monitor, directory) {
      const { sandboxId } = monitor;
      monitor.build = await withSocketPath(kernel, directory, (path) =>
        renewMonitor({ kernel, clock, path, sandboxId, executable: monitorExecutable }),
      );
    },
    async launch(sandboxId, directory) {
      return await withSocketPath(kernel, directory, async (path) => {
        using spawned = await spawn(path, sandboxId, directory);
        try {
          return await connect(sandboxId, directory, deadlines.launchedMs);
        } catch (error) {
          endSpawned(kernel, spawned.fd);
          throw error;
        }
      });
    },
    async reconnect(sandboxId: SandboxId, directory: HostPath): Promise<Monitor> {
      return await connect(sandboxId, directory, deadlines.helloMs);
    },
    readExitRecords,
  };
}

/** A monitor that never said hello belongs to no pod: it must not be left behind. ESRCH: it has ended by itself. */
function endSpawned(kernel: Pick<ProcessCalls, "pidfdSendSignal">, pidfd: Fd): void {
  try {
    kernel.pidfdSendSignal(pidfd, SIGKILL);
  } catch (error) {
    if (!hasErrno(error, "ESRCH")) throw error;
  }
}

function openDirectory(kernel: Pick<FileCalls, "open" | "close">, directory: HostPath): OwnedFd {
  try {
    return new OwnedFd(kernel, kernel.open(directory, O_PATH | O_DIRECTORY));
  } catch (error) {
    // A path that is short enough would be answered the same: no process listens there.
    if (hasErrno(error, "ENOENT")) {
      throw unavailable(`no monitor has its directory at ${JSON.stringify(directory)}`, error);
    }
    throw error;
  }
}

/** A state directory with a long name still gets sockets: through a descriptor of the directory. */
async function withSocketPath<Result>(
  kernel: Pick<FileCalls, "open" | "close">,
  directory: HostPath,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const path = joinHostPath(directory, socketName);
  if (Buffer.byteLength(path) <= longestSocketPath) return await use(path);
  using opened = openDirectory(kernel, directory);
  return await use(`/proc/self/fd/${opened.fd}/${socketName}`);
}

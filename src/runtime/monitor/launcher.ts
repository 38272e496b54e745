import type { SandboxId } from "../../ids/object-id.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { Fd } from "../../ids/process.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { FileCalls, ProcessCalls, SocketCalls } from "../../kernel/port.ts";
import { connectMonitor } from "./client.ts";
import { readExitRecords } from "./exit-records.ts";
import type { Monitor, MonitorLauncher } from "./port.ts";
import type { MonitorDial } from "./session-connection.ts";

export interface MonitorLauncherDependencies {
  readonly kernel: Pick<FileCalls, "open" | "close"> &
    Pick<SocketCalls, "listenUnix"> &
    Pick<ProcessCalls, "spawnDetached">;
  /** The sealed memfd of `crib-monitor`; all monitors share its pages. */
  readonly monitorExecutable: Fd;
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
export function createMonitorLauncher({ kernel, monitorExecutable }: MonitorLauncherDependencies): MonitorLauncher {
  /** Ours is closed before the connect: were the monitor to die at once, we would wait for ourselves to accept. */
  function spawn(path: string, sandboxId: SandboxId, directory: HostPath): void {
    using listener = new OwnedFd(kernel, kernel.listenUnix(path, backlog));
    kernel.spawnDetached(monitorExecutable, ["crib-monitor", sandboxId, directory], [listener.fd]);
  }
  function dialOf(directory: HostPath): MonitorDial {
    return (connect) => withSocketPath(kernel, directory, connect);
  }
  return {
    async launch(sandboxId, directory) {
      return await withSocketPath(kernel, directory, async (path) => {
        spawn(path, sandboxId, directory);
        return await connectMonitor(path, sandboxId, dialOf(directory));
      });
    },
    async reconnect(sandboxId: SandboxId, directory: HostPath): Promise<Monitor> {
      return await withSocketPath(kernel, directory, (path) => connectMonitor(path, sandboxId, dialOf(directory)));
    },
    readExitRecords,
  };
}

/** A state directory with a long name still gets sockets: through a descriptor of the directory. */
async function withSocketPath<Result>(
  kernel: Pick<FileCalls, "open" | "close">,
  directory: HostPath,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const path = joinHostPath(directory, socketName);
  if (Buffer.byteLength(path) <= longestSocketPath) return await use(path);
  using opened = new OwnedFd(kernel, kernel.open(directory, O_PATH | O_DIRECTORY));
  return await use(`/proc/self/fd/${opened.fd}/${socketName}`);
}

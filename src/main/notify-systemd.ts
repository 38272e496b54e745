import type { Kernel } from "../kernel/port.ts";
import type { Log } from "../observe/log.ts";

/**
 * Tells systemd how the daemon is (sd_notify(3)); without NOTIFY_SOCKET there is nobody to tell. A failure to tell is
 * logged: systemd will then say that the start took too long.
 */
export function systemdNotifier(
  kernel: Pick<Kernel, "sendUnixDatagram">,
  socket: string | undefined,
  log: Log,
): (state: string) => void {
  if (socket === undefined || socket === "") return () => undefined;
  return (state) => {
    try {
      kernel.sendUnixDatagram(socket, new TextEncoder().encode(state));
    } catch (error) {
      log.warn({ err: error, socket, state }, "cannot notify systemd");
    }
  };
}

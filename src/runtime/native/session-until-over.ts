import type { ExecSession } from "../port.ts";
import type { MonitorExec } from "./monitor/port.ts";

/** The session of a command that has files of its own: `over` takes them away, whether it ends or is given up. */
export function sessionUntilOver(session: MonitorExec, kill: () => void, over: () => void): ExecSession {
  void session.exited.then(over, over);
  return {
    onOutput: (listener) => session.onOutput(listener),
    mute: (stream) => session.mute(stream),
    exited: session.exited,
    drained: session.drained,
    kill,
    abandon: () => {
      session.abandon();
      over();
    },
  };
}

import { internal } from "../../../errors/crib-error.ts";

/** MONITOR_BUILD_MARK of ffi/monitor: the name of a build stands behind it in the file, with a NUL after it. */
const mark = "crib-monitor-build:";

/** What an executable of a monitor is called; a running one tells its own in its greeting. */
export function monitorBuildOf(executable: Uint8Array): string {
  const bytes = Buffer.from(executable.buffer, executable.byteOffset, executable.byteLength);
  const from = bytes.indexOf(mark);
  const to = bytes.indexOf(0, from);
  if (from === -1 || to === -1) throw internal("crib-monitor does not say what it is called: run npm run build");
  return bytes.toString("latin1", from + mark.length, to);
}

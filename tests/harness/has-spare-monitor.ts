/** Whether a crib daemon with this state directory has the monitor that waits for the next pod. */
export function hasSpareMonitor(state: string): boolean {
  return [...new Bun.Glob("pods/*/spare").scanSync({ cwd: state })].length > 0;
}

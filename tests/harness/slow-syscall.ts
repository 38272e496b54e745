import { waitUntil } from "./wait-until.ts";

/**
 * Makes the first call of `name` by each thread of a process, and by what it starts, take `delayMs` longer, as a kernel does that
 * waits for a lock or a grace period. Until it is disposed of.
 */
export async function slowSyscall(pid: number, name: string, delayMs: number): Promise<AsyncDisposable> {
  const inject = `inject=${name}:delay_enter=${delayMs * 1000}:when=1`;
  const strace = Bun.spawn(["strace", "-f", "-p", `${pid}`, "-e", `trace=${name}`, "-e", inject, "-o", "/dev/null"], {
    stdin: "ignore",
    stderr: "pipe",
  });
  let said = "";
  const reading = (async () => {
    for await (const chunk of strace.stderr) said += Buffer.from(chunk).toString();
  })();
  await waitUntil(() => said.includes("attached") || strace.exitCode !== null, { what: "strace to attach" });
  if (strace.exitCode !== null) throw new Error(`strace ended: ${said}`);
  return {
    async [Symbol.asyncDispose]() {
      // Not asked to end: one that is stuck with a process of its own would never do so, and the kernel lets go of all it traces.
      strace.kill("SIGKILL");
      await strace.exited;
      await reading;
    },
  };
}

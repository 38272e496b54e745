import { expect } from "bun:test";
import { onlyCrib } from "../harness/only-crib.ts";
import { slowSyscall } from "../harness/slow-syscall.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed();

/** Longer than any answer takes on a machine that is busy with other things. */
const delayMs = 4_000;

/** The call, and what of a pod's life waits in it. */
const waits = [
  ["clone", "the start of the next pod's monitor"],
  ["setns", "the way into a pod's network namespace"],
  ["recvmsg", "netlink, behind the lock of the machine's links"],
  ["umount2", "the end of a pod's mounts, for a grace period"],
] as const;

/** The longest of many small questions asked one after the other until `work` is done, and how many there were. */
async function longestAnswerDuring(
  work: Promise<unknown>,
): Promise<{ readonly longestMs: number; readonly asked: number }> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  let longestMs = 0;
  let asked = 0;
  do {
    const startedMs = performance.now();
    await bed.cri.runtime.version({});
    longestMs = Math.max(longestMs, performance.now() - startedMs);
    asked += 1;
    await Bun.sleep(20);
  } while (!over);
  await done;
  return { longestMs, asked };
}

for (const [call, what] of waits) {
  onlyCrib("it waits in threads of its own")(
    `a kernel that takes its time with ${call} (${what}) holds nobody up`,
    async () => {
      await using _slow = await slowSyscall(bed.engine.pid, call, delayMs);
      const startedMs = performance.now();
      const live = async () => {
        const pod = await bed.runPod();
        await pod.stop();
        await pod.remove();
      };
      // The first pod's monitor may have been made ahead.
      const lives = async () => {
        await live();
        if (call === "clone") await live();
      };
      const { longestMs, asked } = await longestAnswerDuring(lives());
      // Else it waited for nothing, and this says nothing.
      expect(performance.now() - startedMs).toBeGreaterThan(delayMs);
      expect(longestMs).toBeLessThan(delayMs / 2);
      expect(asked).toBeGreaterThan(5);
    },
    120_000,
  );
}

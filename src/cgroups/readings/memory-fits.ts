import { failedPrecondition } from "../../errors/crib-error.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import type { ControlWrite } from "../files/control-write.ts";
import { parseFlatKeyed, readNumber, readOptional } from "../files/flat-keyed.ts";

/**
 * Refuses a memory limit below what a v2 group cannot do without. The kernel would take it, and kill until it fits; v1 answers
 * EBUSY instead, and that is what a resize of a running container should get. Page cache counts for nothing: the kernel gives
 * it up first. Swap neither: whether there is room in it is not the group's to know.
 *
 * @throws {CribError} failed-precondition
 */
export function checkMemoryFits(files: CgroupFiles, directory: string, controls: readonly ControlWrite[]): void {
  const limit = controls.findLast(({ file }) => file === "memory.max")?.value;
  if (limit === undefined || !/^\d+$/.test(limit)) return;
  const used = readNumber(files, `${directory}/memory.current`) ?? 0n;
  if (used <= BigInt(limit)) return;
  const stat = parseFlatKeyed(readOptional(files, `${directory}/memory.stat`) ?? "");
  const cache = (stat.get("file") ?? 0n) - (stat.get("shmem") ?? 0n);
  if (used - cache <= BigInt(limit)) return;
  throw failedPrecondition(
    `${directory}/memory.max: the group uses ${used - cache} bytes that cannot be reclaimed, more than the new limit of ${limit}`,
  );
}

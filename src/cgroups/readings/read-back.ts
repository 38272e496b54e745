import type { CgroupFiles } from "../files/cgroup-files.ts";
import { readNumber, readOptional } from "../files/flat-keyed.ts";
import type { LimitsInForce } from "../port.ts";
import { isUnlimited } from "../v1/stats-v1.ts";
import { cpuWeight } from "../v2/v2-controls.ts";

/** What v1 holds of `asked`; `directoryOf` gives the group's directory in the hierarchy of a controller. */
export function readV1Limits(
  files: CgroupFiles,
  directoryOf: (controller: string) => string | undefined,
  asked: LimitsInForce,
  pageBytes: bigint,
): LimitsInForce {
  const number = (controller: string, file: string) => {
    const directory = directoryOf(controller);
    return directory === undefined ? undefined : readNumber(files, `${directory}/${file}`);
  };
  const list = (file: string) => {
    const directory = directoryOf("cpuset");
    return directory === undefined ? undefined : readOptional(files, `${directory}/${file}`)?.trim();
  };
  const memory = (file: string) => {
    const value = number("memory", file);
    return value !== undefined && isUnlimited(value) ? -1n : value;
  };
  return inForce(asked, pageBytes, {
    cpuShares: number("cpu", "cpu.shares"),
    cpuQuotaUs: number("cpu", "cpu.cfs_quota_us"),
    cpuPeriodUs: number("cpu", "cpu.cfs_period_us"),
    cpusetCpus: list("cpuset.cpus"),
    cpusetMems: list("cpuset.mems"),
    memoryLimit: memory("memory.limit_in_bytes"),
    memorySwap: memory("memory.memsw.limit_in_bytes"),
  });
}

/** What the v2 group at `directory` holds of `asked`. */
export function readV2Limits(
  files: CgroupFiles,
  directory: string,
  asked: LimitsInForce,
  pageBytes: bigint,
): LimitsInForce {
  const text = (file: string) => readOptional(files, `${directory}/${file}`)?.trim();
  const number = (file: string) => {
    const value = text(file);
    return value === undefined ? undefined : value === "max" ? -1n : BigInt(value);
  };
  const [quota, period] = text("cpu.max")?.split(" ") ?? [];
  const limit = number("memory.max");
  const swap = number("memory.swap.max");
  // Many shares have the same weight: what was asked for stands while it stands for the weight in force.
  const sameWeight = asked.cpuShares !== undefined && number("cpu.weight") === cpuWeight(asked.cpuShares);
  return inForce(asked, pageBytes, {
    cpuShares: sameWeight ? asked.cpuShares : undefined,
    cpuQuotaUs: quota === undefined ? undefined : quota === "max" ? -1n : BigInt(quota),
    cpuPeriodUs: period === undefined ? undefined : BigInt(period),
    cpusetCpus: text("cpuset.cpus"),
    cpusetMems: text("cpuset.mems"),
    memoryLimit: limit,
    memorySwap: limit === undefined || swap === undefined ? undefined : limit < 0n || swap < 0n ? -1n : limit + swap,
  });
}

type Found = { readonly [Key in keyof LimitsInForce]-?: LimitsInForce[Key] | undefined };

/**
 * The kernel's value where it is another than the one asked for, else the latter as it was written: clients wait until they
 * see what they asked for, and must not wait for ever because of a page's rounding or the spelling of a list.
 */
function inForce(asked: LimitsInForce, pageBytes: bigint, found: Found): LimitsInForce {
  const sameBytes = (a: bigint, b: bigint) => (a < 0n || b < 0n ? a < 0n && b < 0n : a / pageBytes === b / pageBytes);
  const sameNumber = (a: bigint, b: bigint) => (a < 0n ? b < 0n : a === b);
  return {
    ...chosen("cpuShares", asked, found, sameNumber),
    ...chosen("cpuQuotaUs", asked, found, sameNumber),
    ...chosen("cpuPeriodUs", asked, found, sameNumber),
    ...chosen("cpusetCpus", asked, found, sameList),
    ...chosen("cpusetMems", asked, found, sameList),
    ...chosen("memoryLimit", asked, found, sameBytes),
    ...chosen("memorySwap", asked, found, (a, b) => {
      // Two values are rounded, each by less than a page.
      const apart = a < b ? b - a : a - b;
      return a < 0n || b < 0n ? a < 0n && b < 0n : apart < 2n * pageBytes;
    }),
  };
}

function chosen<Key extends keyof LimitsInForce>(
  key: Key,
  asked: LimitsInForce,
  found: Found,
  same: (a: NonNullable<LimitsInForce[Key]>, b: NonNullable<LimitsInForce[Key]>) => boolean,
): Pick<LimitsInForce, Key> | Record<string, never> {
  const wanted = asked[key];
  const taken = found[key];
  if (wanted === undefined) return {};
  if (taken === undefined || taken === "" || same(wanted, taken as NonNullable<LimitsInForce[Key]>))
    return { [key]: wanted } as Pick<LimitsInForce, Key>;
  return { [key]: taken } as Pick<LimitsInForce, Key>;
}

/** "0,1,2" and "0-2" are the same. */
function sameList(a: string, b: string): boolean {
  const [first, second] = [a, b].map(expand);
  return first !== undefined && second !== undefined && first.size === second.size && first.isSubsetOf(second);
}

/** The kernel has no more CPUs than this; a range beyond is not worth expanding. */
const highestCpu = 8192;

function expand(list: string): ReadonlySet<number> {
  const numbers = list.split(",").flatMap((part) => {
    const [low = 0, high = low] = part.split("-").map(Number);
    return Array.from({ length: Math.max(0, Math.min(high, highestCpu) - low + 1) }, (_, i) => low + i);
  });
  return new Set(numbers);
}

import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import { readNumber } from "../files/flat-keyed.ts";
import type { HugepageUse } from "../port.ts";

/** One directory for each size the kernel can make: hugepages-2048kB. */
const sizesDirectory = "/sys/kernel/mm/hugepages";

export function readHugepageUse(files: CgroupFiles, directory: string, version: 1 | 2): readonly HugepageUse[] {
  return pageSizes(files).flatMap((pageSize) => {
    const file = (name: string) => readNumber(files, `${directory}/hugetlb.${pageSize}.${name}`);
    const usedBytes = file(version === 1 ? "usage_in_bytes" : "current");
    if (usedBytes === undefined) return [];
    return [{ pageSize, usedBytes, peakBytes: version === 1 ? file("max_usage_in_bytes") : undefined }];
  });
}

function pageSizes(files: CgroupFiles): readonly string[] {
  try {
    return files.directories(sizesDirectory).flatMap((name) => {
      const kibibytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
      return kibibytes === undefined ? [] : [sizeName(Number(kibibytes))];
    });
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** As the kernel names its files (mm/hugetlb_cgroup.c, mem_fmt): the largest unit that fits. */
function sizeName(kibibytes: number): string {
  if (kibibytes >= 1 << 20) return `${kibibytes >> 20}GB`;
  if (kibibytes >= 1 << 10) return `${kibibytes >> 10}MB`;
  return `${kibibytes}KB`;
}

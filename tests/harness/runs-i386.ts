import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildStaticBinary } from "../fixtures/static-binary.ts";

/** Whether this kernel takes the system calls of 32-bit programs; some are built or booted without (CONFIG_IA32_EMULATION). */
export function runsI386(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "crib-i386-"));
  try {
    buildStaticBinary("probe", directory);
    const getpid = "20";
    return Bun.spawnSync([join(directory, "probe"), "32", getpid]).exitCode === 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

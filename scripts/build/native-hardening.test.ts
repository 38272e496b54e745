import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildDir } from "./paths.ts";

/** What readelf says of an artifact; it must have been built. */
function elf(name: string): string {
  const path = join(buildDir, name);
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run build`);
  const { stdout, success } = Bun.spawnSync(["readelf", "-hldW", "--dyn-syms", path]);
  if (!success) throw new Error(`readelf ${path}`);
  return stdout.toString();
}

describe("the C artifacts are hardened", () => {
  for (const name of ["crib-monitor", "libcrib.so"]) {
    const text = elf(name);
    test(`${name}: is placed at random, bound at once, with read-only relocations and no executable data`, () => {
      expect(text).toMatch(/Type:\s+DYN/);
      expect(text).toMatch(/FLAGS_1.*NOW|BIND_NOW/);
      expect(text).toContain("GNU_RELRO");
      expect(text).toMatch(/GNU_STACK\s.*\sRW\s/);
      expect(text).not.toContain("TEXTREL");
      expect(text).not.toMatch(/LOAD\s.*\sRWE\s/);
    });
  }

  test("crib-monitor: needs no loader, and looks at a canary before it returns", () => {
    const text = elf("crib-monitor");
    expect(text).toMatch(/FLAGS_1.*PIE/);
    expect(text).not.toContain("INTERP");
    expect(text).not.toContain("(NEEDED)");
    // sub %fs:0x28, as gcc checks it on this architecture; its symbols are stripped.
    const check = Buffer.from([0x64, 0x48, 0x2b, 0x04, 0x25, 0x28, 0, 0, 0]);
    expect(readFileSync(join(buildDir, "crib-monitor")).indexOf(check)).toBeGreaterThan(0);
  });

  test("libcrib.so: has a canary and fortified calls", () => {
    const text = elf("libcrib.so");
    expect(text).toContain("__stack_chk_fail");
    expect(text).toMatch(/__\w+_chk@/);
  });
});

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkSelinuxLabel } from "./check-selinux-label.ts";

test("the kernel is asked about the very label, and what it cannot be asked is refused", () => {
  const directory = mkdtempSync(join(tmpdir(), "crib-selinux-"));
  using _removed = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  expect(() => checkSelinuxLabel("u:r:t:s0", directory)).toThrow('SELinux label "u:r:t:s0" is asked for');
  writeFileSync(join(directory, "context"), "");
  checkSelinuxLabel("u:r:t:s0", directory);
  expect(readFileSync(join(directory, "context"), "utf8")).toBe("u:r:t:s0");
});

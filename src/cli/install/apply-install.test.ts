import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostPath } from "../../ids/path.ts";
import { applyInstall } from "./apply-install.ts";
import type { PlannedFile } from "./install-plan.ts";

let prefix: HostPath;
beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), "crib-apply-")) as HostPath;
});
afterEach(() => rmSync(prefix, { recursive: true }));

const formerly = 'subnet = "10.88.0.0/16"\n';
const file: PlannedFile = {
  path: "/config.toml",
  mode: 0o644,
  content: { kind: "text", text: 'subnet = ""\n' },
  ownership: "config",
  formerly: [createHash("sha256").update(formerly).digest("hex")],
};

test.each([
  [formerly, "replaced", 'subnet = ""\n'],
  [`${formerly}# mine\n`, "kept", `${formerly}# mine\n`],
  ['subnet = ""\n', "unchanged", 'subnet = ""\n'],
] as const)(
  "a configuration of an earlier version is replaced while nobody has changed it: %j is %s",
  (there, action, then) => {
    const path = join(prefix, "config.toml");
    writeFileSync(path, there);
    expect(applyInstall([file], { prefix, force: false, dryRun: false })).toEqual([{ path, action }]);
    expect(readFileSync(path, "utf8")).toBe(then);
  },
);

test("what is installed can be read by all, its new directories entered, whatever the administrator's umask", () => {
  const before = process.umask(0o077);
  try {
    applyInstall([{ ...file, path: "/etc/crib/conf.d/10-x.toml" }], { prefix, force: false, dryRun: false });
  } finally {
    process.umask(before);
  }
  const modes = ["etc", "etc/crib", "etc/crib/conf.d", "etc/crib/conf.d/10-x.toml"].map((path) => [
    path,
    (statSync(join(prefix, path)).mode & 0o7777).toString(8),
  ]);
  expect(modes).toEqual([
    ["etc", "755"],
    ["etc/crib", "755"],
    ["etc/crib/conf.d", "755"],
    ["etc/crib/conf.d/10-x.toml", "644"],
  ]);
});

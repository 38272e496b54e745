import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

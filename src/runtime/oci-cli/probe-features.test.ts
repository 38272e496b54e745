import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../../tests/fixtures/silent-log.ts";
import type { HostPath } from "../../ids/path.ts";
import { createSystemClock } from "../../observe/system-clock.ts";
import { probeOciFeatures } from "./probe-features.ts";

const directory = mkdtempSync(join(tmpdir(), "crib-features-"));
afterAll(() => rmSync(directory, { recursive: true }));

function program(name: string, script: string): HostPath {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path as HostPath;
}

const features = `{"mountOptions":["ro","rro"],"linux":{"namespaces":["cgroup","pid"]}}`;
const none = { recursiveReadOnlyMounts: false, userNamespaces: false, cgroupNamespaces: false };
const told = { recursiveReadOnlyMounts: true, userNamespaces: false, cgroupNamespaces: true };

test.each([
  ["says what it can do", `[ "$1" = features ] && echo '${features}'`, told],
  ["leaves something behind that holds its output", `echo '${features}'; sleep 30 &`, told],
  ["fails", "exit 3", none],
  ["answers no JSON", "echo no", none],
  ["prints without end", "yes", none],
])("a runtime that %s holds no daemon up at its start", async (name, script, expected) => {
  const path = program(name.replaceAll(" ", "-"), script);
  expect(await probeOciFeatures("x", { path, args: [] }, { clock: createSystemClock(), log: silentLog })).toEqual(
    expected,
  );
});

test("a runtime that is not there offers nothing", async () => {
  const path = join(directory, "absent") as HostPath;
  expect(await probeOciFeatures("x", { path, args: [] }, { clock: createSystemClock(), log: silentLog })).toEqual(none);
});

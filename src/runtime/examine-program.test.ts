import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHostPath } from "../ids/path.ts";
import { createSystemClock } from "../observe/system-clock.ts";
import { examineProgram } from "./examine-program.ts";

const directory = mkdtempSync(join(tmpdir(), "crib-examine-"));
afterAll(() => rmSync(directory, { recursive: true }));

async function examine(name: string, script: string | undefined) {
  const path = parseHostPath(join(directory, name));
  if (script !== undefined) {
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
  const { version, problem } = await examineProgram("the runtime", path, ["--version"], createSystemClock());
  return { version, problem };
}

test.each([
  ["runc", "echo 'runc version 1.5.3'; echo 'spec: 1.3.0'", "1.5.3"],
  ["a shim", "printf 'containerd-shim-runc-v2:\\n  Version:  v2.4.2\\n'", "v2.4.2"],
  ["one with words of its own", "echo release-20260905", "release-20260905"],
  ["one that says nothing", "true", undefined],
])("%s is known by its version", async (name, script, version) => {
  expect(await examine(name, script)).toEqual({ version, problem: undefined });
});

test.each([
  ["fails", "echo first >&2; echo broken >&2; exit 3", /exited with 3.*: broken$/],
  ["prints without end", "yes", /printed more than/],
  ["is not there", undefined, /cannot be run/],
])("one that %s has a problem, in words", async (name, script, problem) => {
  expect((await examine(name.replaceAll(" ", "-"), script)).problem).toMatch(problem);
});

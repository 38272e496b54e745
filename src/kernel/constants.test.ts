import { expect, test } from "bun:test";
import { Capability } from "./capabilities.ts";
import * as cloneFlags from "./clone-flags.ts";
import * as mountFlags from "./mount-flags.ts";
import * as openFlags from "./open-flags.ts";
import * as resolveFlags from "./resolve-flags.ts";
import { Rlimit } from "./rlimits.ts";
import { Signal } from "./signals.ts";

const headers = [
  "fcntl.h",
  "sched.h",
  "signal.h",
  "stdio.h",
  "sys/resource.h",
  "sys/stat.h",
  "sys/mount.h",
  "linux/openat2.h",
  "linux/capability.h",
];

/** In no header a program of Debian 12 may include together with the others: include/linux/fs.h has them. */
const notInHeaders = new Set(["MS_NOSYMFOLLOW", "MS_LAZYTIME", "RLIMIT_LOCKS", "RLIMIT_RTTIME"]);

const constants = Object.entries({
  ...cloneFlags,
  ...mountFlags,
  ...openFlags,
  ...resolveFlags,
  ...Capability,
  ...Rlimit,
  ...Signal,
}).filter(([name, value]) => typeof value === "number" && !notInHeaders.has(name));

test.skipIf(Bun.which("gcc") === null)("every constant is what the C headers say (skipped without gcc)", async () => {
  const source = [
    ...headers.map((header) => `#include <${header}>`),
    ...constants.map(([name, value]) => `_Static_assert((long long)${name} == ${value}LL, "${name}");`),
  ].join("\n");
  const gcc = Bun.spawn(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", "-x", "c", "-"], {
    stdin: Buffer.from(source),
    stderr: "pipe",
  });
  expect(await new Response(gcc.stderr).text()).toBe("");
  expect(constants.length).toBeGreaterThan(120);
});

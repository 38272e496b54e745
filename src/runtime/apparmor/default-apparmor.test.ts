import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../../observe/log.ts";
import { DefaultAppArmor, type DefaultAppArmorOptions } from "./default-apparmor.ts";

let root = "";
let warnings: string[] = [];
const at = (path: string): string => join(root, path);
const profiles = "sys/kernel/security/apparmor/profiles";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "crib-apparmor-"));
  for (const directory of ["sys/kernel/security/apparmor", "proc/self/attr/apparmor", "usr/sbin"])
    mkdirSync(at(directory), { recursive: true });
  writeFileSync(at(profiles), "docker-default (enforce)\n");
  writeFileSync(at("proc/self/attr/apparmor/current"), "unconfined\n");
  warnings = [];
});
afterEach(() => rmSync(root, { recursive: true }));

const quiet = (): void => undefined;
const log: Log = { debug: quiet, info: quiet, error: quiet, warn: (_fields, message) => void warnings.push(message) };

const daemon = (changes: Partial<DefaultAppArmorOptions> = {}): DefaultAppArmor =>
  new DefaultAppArmor({ enabled: true, wanted: true, log, hostRoot: root, ...changes });

/** As the kernel: a profile and its child. */
const load = `sed -nE "s/^profile ([^ ]+) .*/\\1 (enforce)/p; s,^  profile ([^ ]+) .*,crib-default//\\1 (enforce),p" "$root/text" >"$root/${profiles}"`;

/** A parser that keeps what it was given, in order. */
function installParser(script = load): void {
  writeFileSync(
    at("usr/sbin/apparmor_parser"),
    `#!/bin/sh\nroot="${root}"\ncat >"$root/text"\necho "$*" >>"$root/calls"\n${script}\n`,
  );
  chmodSync(at("usr/sbin/apparmor_parser"), 0o755);
}
const calls = (): readonly string[] =>
  existsSync(at("calls")) ? readFileSync(at("calls"), "utf8").trimEnd().split("\n") : [];

test("it is loaded once, whoever asks at the same time, and again when it vanished", async () => {
  installParser();
  const one = daemon();
  const askers = [one.ensure(), one.ensure(), one.ensure()];
  for (const answer of await Promise.all(askers)) expect(answer).toEqual({ loaded: true });
  expect(calls()).toEqual(["--replace --skip-cache --quiet"]);
  expect(readFileSync(at("text"), "utf8")).toContain("profile crib-default ");
  writeFileSync(at(profiles), "crib-default-of-others (enforce)\n");
  expect(await one.ensure()).toEqual({ loaded: true });
  expect(calls().length).toBe(2);
});

test("another daemon does not load what is there, and a text of another version is replaced", async () => {
  installParser();
  await daemon().ensure();
  expect(await daemon().ensure()).toEqual({ loaded: true });
  expect(calls().length).toBe(1);
  writeFileSync(at(profiles), "crib-default (enforce)\ncrib-default//ff (enforce)\n");
  expect(await daemon().ensure()).toEqual({ loaded: true });
  expect(calls().length).toBe(2);
});

test("a daemon that is confined itself may stop what it confines", async () => {
  installParser();
  writeFileSync(at("proc/self/attr/apparmor/current"), 'odd "name (enforce)\n');
  await daemon().ensure();
  expect(readFileSync(at("text"), "utf8")).toContain('signal (receive) peer="odd \\"name",');
});

test("no parser: the package to install is named, one warning", async () => {
  const one = daemon();
  for (let round = 0; round < 3; round++) {
    expect(await one.ensure()).toMatchObject({ loaded: false, cause: "no-parser" });
  }
  expect(warnings.length).toBe(1);
  installParser();
  expect(await one.ensure()).toEqual({ loaded: true });
});

const failures: readonly [string, string, string][] = [
  ["a parser that refuses", "echo no such feature >&2; exit 3", "exit code 3: no such feature"],
  ["a parser that only says so", "exit 0", "the kernel does not list it"],
];
test.each(failures)("%s", async (_what, script, reason) => {
  installParser(script);
  const availability = await daemon().ensure();
  expect(availability).toMatchObject({ loaded: false, cause: "failed" });
  expect(JSON.stringify(availability)).toContain(reason);
});

test("a kernel without AppArmor, and a configuration that does not want it, start nothing", async () => {
  installParser();
  expect(await daemon({ enabled: false }).ensure()).toMatchObject({ loaded: false, cause: "not-enabled" });
  expect(await daemon({ wanted: false }).ensure()).toMatchObject({ loaded: false, cause: "off" });
  expect(calls()).toEqual([]);
  expect(warnings).toEqual([]);
});

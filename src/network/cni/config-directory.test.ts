import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostPath } from "../../ids/path.ts";
import type { Log } from "../../observe/log.ts";
import { ConfigDirectory } from "./config-directory.ts";

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
let base: string;
let configuration: ConfigDirectory;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "crib-cni-"));
  configuration = new ConfigDirectory(() => join(base, "net.d") as HostPath, silent);
});
afterEach(() => rmSync(base, { recursive: true }));

function put(file: string, name: string): void {
  mkdirSync(join(base, "net.d"), { recursive: true });
  writeFileSync(
    join(base, "net.d", file),
    JSON.stringify({ cniVersion: "1.0.0", name, plugins: [{ type: "bridge" }] }),
  );
}

function current(): string {
  const found = configuration.current();
  return found.kind === "network" ? found.network.name : found.kind;
}

test("no directory, no configuration", () => {
  expect(current()).toBe("none");
});

test("the lexically first valid file of the three extensions wins", () => {
  put("20-b.conflist", "b");
  put("30-c.json", "c");
  put("00-notes.txt", "notes");
  expect(current()).toBe("b");
  put("10-a.conf", "a");
  expect(current()).toBe("a");
  writeFileSync(join(base, "net.d", "10-a.conf"), "{");
  expect(current()).toBe("b");
});

test("only broken files: invalid, with what is wrong", () => {
  mkdirSync(join(base, "net.d"));
  writeFileSync(join(base, "net.d", "10-x.conflist"), '{"name": "x", "plugins": [{"type": "../sh"}]}');
  const found = configuration.current();
  expect(found.kind === "invalid" && found.message).toContain("10-x.conflist: plugin 1: type");
});

test("the same configuration is the same object, until the file changes", () => {
  put("10-a.conf", "a");
  const first = configuration.current();
  expect(configuration.current()).toBe(first);
  put("10-a.conf", "other");
  expect(current()).toBe("other");
});

test("survives the removal and return of the directory itself", () => {
  put("10-a.conf", "a");
  expect(current()).toBe("a");
  rmSync(join(base, "net.d"), { recursive: true });
  expect(current()).toBe("none");
  put("10-b.conf", "b");
  expect(current()).toBe("b");
});

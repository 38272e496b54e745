import { describe, expect, test } from "bun:test";
import { defaultConfig } from "../config/defaults.ts";
import { nativeHandler } from "../config/runtime-handler.ts";
import { parseHostPath } from "../ids/path.ts";
import { RuntimeHandlers } from "./handlers.ts";
import type { SandboxRuntime } from "./port.ts";

/** A runtime of which only its identity is asked for. */
function namedRuntime(userNamespaces: boolean): SandboxRuntime & { readonly ended: () => number } {
  let ended = 0;
  return {
    features: { recursiveReadOnlyMounts: true, userNamespaces, cgroupNamespaces: true },
    ended: () => ended,
    [Symbol.dispose]: () => {
      ended += 1;
    },
  } as SandboxRuntime & { readonly ended: () => number };
}

const native = namedRuntime(true);
const other = namedRuntime(false);
const runc = { ...nativeHandler, type: "oci", path: parseHostPath("/usr/sbin/runc"), args: [] } as const;
const config = { ...defaultConfig.runtime, handlers: { crib: nativeHandler, trusted: nativeHandler, runc } };
const handlers = new RuntimeHandlers(config, native, {
  oci: (name) => (name === "runc" ? other : native),
  shim: () => other,
});

describe("a pod's handler", () => {
  test.each([
    ["", "crib"],
    ["crib", "crib"],
    ["trusted", "trusted"],
  ])("%j is %s", (asked, name) => {
    expect(handlers.of(asked).name).toBe(name);
    expect(handlers.of(asked).runtime).toBe(native);
  });

  test.each(["kata", "CRIB", "constructor", "__proto__", "x".repeat(10_000)])(
    "%p is refused, naming those there are",
    (asked) => {
      let thrown: unknown;
      try {
        handlers.of(asked);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: "invalid-argument" });
      expect(String(thrown)).toContain(JSON.stringify(asked.slice(0, 120)));
      expect(String(thrown)).toContain('there are "crib", "trusted", "runc"');
      expect(String(thrown).length).toBeLessThan(400);
    },
  );
});

test("a handler of type oci is run by the runtime that is made for it", () => {
  expect(handlers.of("runc").runtime).toBe(other);
  expect(handlers.runtimeOf("runc")).toBe(other);
});

test("a pod of before there were handlers, or of one that is gone, is crib's own to end", () => {
  expect(handlers.runtimeOf(undefined)).toBe(native);
  expect(handlers.runtimeOf("gone")).toBe(native);
});

test("Status names the default twice: by no name, and by its own", () => {
  expect(handlers.features().map(({ name }) => name)).toEqual(["", "crib", "trusted", "runc"]);
});

test("a runtime of several handlers is ended once", () => {
  const shared = namedRuntime(false);
  new RuntimeHandlers(config, shared, { oci: () => shared, shim: () => shared })[Symbol.dispose]();
  expect(shared.ended()).toBe(1);
});

describe("handlers that are read again", () => {
  const crun = { ...runc, path: parseHostPath("/usr/bin/crun") };
  const made = new Map<string, SandboxRuntime>();
  const reloaded = new RuntimeHandlers(config, native, {
    oci: (name, { path }) => {
      const runtime = namedRuntime(false);
      made.set(`${name} ${path}`, runtime);
      return runtime;
    },
    shim: () => other,
  });
  const before = reloaded.of("runc").runtime;

  test("one that is as before keeps its runtime, new ones are there, and the default is the one named now", () => {
    reloaded.replace({ ...config, defaultHandler: "crun", handlers: { crib: nativeHandler, runc, crun } });
    expect(reloaded.of("runc").runtime).toBe(before);
    expect(reloaded.of("").runtime).toBe(made.get("crun /usr/bin/crun") as SandboxRuntime);
    expect(reloaded.features().map(({ name }) => name)).toEqual(["", "crib", "runc", "crun"]);
  });

  test("pods of one that is gone keep what runs them, and no new pod gets it", () => {
    reloaded.replace({ ...config, handlers: { crib: nativeHandler } });
    expect(reloaded.runtimeOf("runc")).toBe(before);
    expect(() => reloaded.of("runc")).toThrow("not configured");
  });

  test("one that has changed is run by what it says now", () => {
    reloaded.replace({ ...config, handlers: { crib: nativeHandler, runc: crun } });
    expect(reloaded.of("runc").runtime).toBe(made.get("runc /usr/bin/crun") as SandboxRuntime);
  });
});

import { expect, test } from "bun:test";
import { environmentWithJitOptions } from "./jit-options.ts";

test("an environment without the options is given them, keeps what is crib's and loses what loads code", () => {
  const next = environmentWithJitOptions({
    PATH: "/bin",
    NOTIFY_SOCKET: "/run/n",
    LD_PRELOAD: "/x.so",
    GONE: undefined,
  });
  expect(next).toMatchObject({ PATH: "/bin", NOTIFY_SOCKET: "/run/n", BUN_JSC_useFTLJIT: "0" });
  expect(Object.keys(next ?? {}).filter((name) => name.startsWith("LD_") || name === "GONE")).toEqual([]);
});

test("a process that has them does not begin again", () => {
  const next = environmentWithJitOptions({ PATH: "/bin" });
  expect(next).toBeDefined();
  expect(environmentWithJitOptions({ ...next })).toBeUndefined();
});

test("one option with another value is none", () => {
  const next = environmentWithJitOptions({});
  expect(environmentWithJitOptions({ ...next, BUN_JSC_useFTLJIT: "1" })).toEqual(next);
});

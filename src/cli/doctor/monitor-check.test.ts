import { expect, test } from "bun:test";
import type { DaemonClient } from "../program/client.ts";
import { monitorFindings } from "./monitor-check.ts";

const newest = "0.2.0-new";
const monitor = (podSandboxId: string, build: string) => ({ podSandboxId, build, newest });
const old = Array.from({ length: 7 }, (_, index) => monitor(`${index}`.repeat(64), "0.1.0-old"));

/** A daemon that knows these monitors. */
function daemonWith(monitors: readonly ReturnType<typeof monitor>[]): DaemonClient {
  return { engine: { listMonitors: async () => ({ monitors }) } } as unknown as DaemonClient;
}

test("monitors that are as new as the daemon are counted", async () => {
  const [finding, ...more] = await monitorFindings(daemonWith([monitor("a", newest), monitor("b", newest)]));
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ severity: "ok", detail: "2, each as new as the daemon" });
});

test("an old monitor, and one that cannot tell, are named with what to do", async () => {
  const silent = monitor("f".repeat(64), "");
  const [finding] = await monitorFindings(daemonWith([monitor("a", newest), ...old.slice(0, 1), silent]));
  expect(finding).toMatchObject({
    severity: "warn",
    detail: "2 of 3 older than the daemon: 000000000000 ffffffffffff",
    advice: expect.stringContaining("crib upgrade --monitors") as never,
  });
});

test("of many old ones the first five are named and the others counted", async () => {
  const [finding] = await monitorFindings(daemonWith(old));
  expect(finding?.detail).toStartWith("7 of 7 older than the daemon: ");
  expect(finding?.detail).toEndWith("444444444444 and 2 more");
});

test("a daemon that does not answer is no finding", async () => {
  const silent = {
    engine: { listMonitors: () => Promise.reject(new Error("unavailable")) },
  } as unknown as DaemonClient;
  expect(await monitorFindings(silent)).toEqual([]);
});

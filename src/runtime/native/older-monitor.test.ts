import { expect, test } from "bun:test";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { Errno } from "../../errors/errno.ts";
import { MonitorError } from "./monitor/launch-failure.ts";
import { knowsNoCopies, withoutCopies } from "./older-monitor.ts";

const refusal = { errno: Errno.EBADMSG, step: "copy-up", index: 18, call: "plan", path: "step" };

test("a monitor of before says that it does not know the step", () => {
  expect(knowsNoCopies(new MonitorError(refusal))).toBe(true);
});

test.each([
  ["another step it does not know", { ...refusal, step: "step kind 99" }],
  ["a copy that failed", { ...refusal, errno: Errno.ENOSPC, call: "sendfile", path: "data" }],
  ["a copy of a damaged file system", { ...refusal, call: "openat" }],
])("%s is none", (_what, failure) => {
  expect(knowsNoCopies(new MonitorError(failure))).toBe(false);
});

test("volumes with content are left out, everything else stays", () => {
  const { spec } = fakeContainer(fakeSandbox());
  const bind = { destination: "/data", type: "bind", source: "/volumes/0", options: ["rbind"] };
  const mounts = [...spec.mounts, { ...bind, copyUp: true }, { ...bind, destination: "/new" }];
  const left = withoutCopies({ ...spec, mounts }).mounts.map(({ destination }) => destination);
  expect(left).toEqual([...spec.mounts.map(({ destination }) => destination), "/new"]);
});

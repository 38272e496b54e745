import { expect, test } from "bun:test";
import { fakeSandbox } from "../../../../tests/fixtures/fake-records.ts";
import { CribError } from "../../../errors/crib-error.ts";
import { isReleased, releasedSteps, stopSteps, teardownError } from "./teardown.ts";

test("a record of before the list of steps is released when it says so of its network", () => {
  expect(isReleased(fakeSandbox({ state: "ready", networkReleased: true }))).toBe(false);
  expect(isReleased(fakeSandbox({ state: "notready", networkReleased: false }))).toBe(false);
  expect(isReleased(fakeSandbox({ state: "notready", networkReleased: true }))).toBe(true);
});

test("a record with a list is released when every step of a stop is on it", () => {
  const half = fakeSandbox({ state: "notready", networkReleased: true, released: ["network", "pins"] });
  expect(isReleased(half)).toBe(false);
  expect(releasedSteps(half)).toEqual(["network", "pins"]);
  expect(isReleased({ ...half, released: stopSteps })).toBe(true);
});

test("an error names every step that failed, and has the code of the first", () => {
  const { id } = fakeSandbox();
  const error = teardownError(id, [
    { step: "network", error: new CribError("unavailable", "no plugin") },
    { step: "shm", error: new CribError("internal", "busy") },
  ]);
  expect(error.code).toBe("unavailable");
  expect(error.message).toContain("network: no plugin; shm: busy");
});

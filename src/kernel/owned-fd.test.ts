import { expect, test } from "bun:test";
import { OwnedFd } from "./owned-fd.ts";
import { createRecordingKernel } from "./recording.ts";

test("closes once at the end of its block", () => {
  const kernel = createRecordingKernel();
  {
    using owned = new OwnedFd(kernel, kernel.open("/x", 0));
    expect(kernel.openFds.has(owned.fd)).toBe(true);
  }
  expect(kernel.openFds.size).toBe(0);
});

test("what was released stays open", () => {
  const kernel = createRecordingKernel();
  const take = () => {
    using owned = new OwnedFd(kernel, kernel.open("/x", 0));
    return owned.release();
  };
  const fd = take();
  expect([...kernel.openFds]).toEqual([fd]);
});

test("disposing twice does not close another's descriptor", () => {
  const kernel = createRecordingKernel();
  const owned = new OwnedFd(kernel, kernel.open("/x", 0));
  owned[Symbol.dispose]();
  owned[Symbol.dispose]();
  expect(kernel.argumentsOf("close")).toHaveLength(1);
});

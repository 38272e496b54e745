import { expect, test } from "bun:test";
import { ErrnoError } from "../errors/errno-error.ts";
import { createRecordingKernel } from "./recording.ts";

test("calls are kept in order with their arguments", () => {
  const kernel = createRecordingKernel();
  const fd = kernel.open("/a", 0);
  kernel.mount("tmpfs", "/t", "tmpfs", 4, "size=1m");
  kernel.close(fd);
  expect(kernel.calls.map(({ name }) => name)).toEqual(["open", "mount", "close"]);
  expect(kernel.argumentsOf("mount")).toEqual([["tmpfs", "/t", "tmpfs", 4, "size=1m"]]);
});

test("an answer replaces a call and the call is still recorded", () => {
  const kernel = createRecordingKernel({
    mount: () => {
      throw new ErrnoError(16, "mount", "/t");
    },
  });
  expect(() => kernel.mount("a", "/t", "b", 0, "")).toThrow("EBUSY");
  expect(kernel.calls).toHaveLength(1);
});

test("NUL bytes are refused as by the real adapter", () => {
  expect(() => createRecordingKernel().open("/a\0b", 0)).toThrow("NUL");
});

import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerSpec } from "../../../tests/fixtures/specs.ts";
import { nativeHandler } from "../../config/runtime-handler.ts";
import { CribError } from "../../errors/crib-error.ts";
import { resolveDevices } from "./resolve-devices.ts";

const devices = (hostPath: string) =>
  resolveDevices(containerSpec({ devices: [{ hostPath, containerPath: "", permissions: "rw" }] }), nativeHandler);

function refusal(hostPath: string): string {
  try {
    devices(hostPath);
    return "";
  } catch (error) {
    if (!CribError.is(error, "invalid-argument")) throw error;
    return error.message;
  }
}

describe("resolveDevices", () => {
  test("gives the node that is named", () => {
    expect(devices("/dev/null")).toMatchObject([
      { access: "rw", device: { path: "/dev/null", type: "c", major: 1, minor: 3 } },
    ]);
  });

  test("a directory stands for the nodes below it, but not for console and ptmx", () => {
    const paths = devices("/dev").map(({ device }) => device.path);
    expect(paths).toContain("/dev/zero");
    expect(paths).not.toContain("/dev/ptmx");
  });

  test.each([
    [false, true],
    [true, false],
  ])("a privileged container whose handler says without host devices: %p, has /dev/zero: %p", (without, has) => {
    const privileged = containerSpec({
      devices: [{ hostPath: "/dev/null" }],
      linux: { securityContext: { privileged: true } },
    });
    const handler = { privilegedWithoutHostDevices: without };
    const paths = resolveDevices(privileged, handler).map(({ device }) => device.path);
    expect([paths.includes("/dev/null"), paths.includes("/dev/zero")]).toEqual([true, has]);
  });

  test("refuses the whole host, soon (its walk took minutes)", () => {
    const startMs = performance.now();
    expect(refusal("/")).toMatch(/more than 8192 entries|cannot be used/);
    expect(performance.now() - startMs).toBeLessThan(5000);
  });

  test.each(["/no/such/device", "/etc/passwd"])("refuses %s", (path) => {
    expect(refusal(path)).toContain(path);
  });

  test("a directory without devices gives none", () => {
    const directory = mkdtempSync(join(tmpdir(), "crib-devices-"));
    try {
      mkdirSync(join(directory, "below"));
      writeFileSync(join(directory, "below", "file"), "");
      expect(devices(directory)).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerSpec } from "../../../tests/fixtures/specs.ts";
import { nativeHandler } from "../../config/runtime-handler.ts";
import { CribError } from "../../errors/crib-error.ts";
import type { TimeSlice } from "../../observe/time-slice.ts";
import { type FoundDevice, majorOf, minorOf, resolveDevices } from "./resolve-devices.ts";

/** As the looker finds it. */
function found(path: string): FoundDevice {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return { errno: 2, mode: 0, deviceMajor: 0, deviceMinor: 0, uid: 0, gid: 0 };
  const { mode, rdev, uid, gid } = stat;
  return { errno: 0, mode, deviceMajor: majorOf(rdev), deviceMinor: minorOf(rdev), uid, gid };
}

const noTurns: Pick<TimeSlice, "turn"> = { turn: () => Promise.resolve() };
const devices = (hostPath: string, slice = noTurns) =>
  resolveDevices(
    containerSpec({ devices: [{ hostPath, containerPath: "", permissions: "rw" }] }),
    nativeHandler,
    found,
    slice,
  );

async function refusal(hostPath: string): Promise<string> {
  try {
    await devices(hostPath);
    return "";
  } catch (error) {
    if (!CribError.is(error, "invalid-argument")) throw error;
    return error.message;
  }
}

describe("resolveDevices", () => {
  test("gives the node that is named", async () => {
    expect(await devices("/dev/null")).toMatchObject([
      { access: "rw", device: { path: "/dev/null", type: "c", major: 1, minor: 3 } },
    ]);
  });

  test("a directory stands for the nodes below it, but not for console and ptmx", async () => {
    const paths = (await devices("/dev")).map(({ device }) => device.path);
    expect(paths).toContain("/dev/zero");
    expect(paths).not.toContain("/dev/ptmx");
  });

  test.each([
    [false, true],
    [true, false],
  ])("a privileged container whose handler says without host devices: %p, has /dev/zero: %p", async (without, has) => {
    const privileged = containerSpec({
      devices: [{ hostPath: "/dev/null" }],
      linux: { securityContext: { privileged: true } },
    });
    const handler = { privilegedWithoutHostDevices: without };
    const paths = (await resolveDevices(privileged, handler, found, noTurns)).map(({ device }) => device.path);
    expect([paths.includes("/dev/null"), paths.includes("/dev/zero")]).toEqual([true, has]);
  });

  test("refuses the whole host, soon (its walk took minutes)", async () => {
    const startMs = performance.now();
    expect(await refusal("/")).toMatch(/more than 8192 entries|cannot be used/);
    expect(performance.now() - startMs).toBeLessThan(5000);
  });

  test.each(["/no/such/device", "/etc/passwd"])("refuses %s", async (path) => {
    expect(await refusal(path)).toContain(path);
  });

  test("a directory without devices gives none", async () => {
    const directory = mkdtempSync(join(tmpdir(), "crib-devices-"));
    try {
      mkdirSync(join(directory, "below"));
      writeFileSync(join(directory, "below", "file"), "");
      let turns = 0;
      const turn = async () => {
        turns++;
      };
      expect(await devices(directory, { turn })).toEqual([]);
      // One for each entry: a directory of thousands holds nobody.
      expect(turns).toBe(2);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

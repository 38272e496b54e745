import { describe, expect, test } from "bun:test";
import { containerSpec, podSpec } from "../../../tests/fixtures/specs.ts";
import { type HostPath, parseHostPath } from "../../ids/path.ts";
import { logPathForMonitor, realLogDirectory } from "./real-log-directory.ts";

const logPath = parseHostPath("/var/log/pods/a/name/0.log");
const config = containerSpec({ logPath: "name/0.log" });

describe("the log that a monitor opens", () => {
  test("is below the real log directory, and behind no link", () => {
    const real = { realLogDirectory: parseHostPath("/mnt/logs/pods/a") };
    expect(logPathForMonitor(real, { logPath, config })).toBe("//mnt/logs/pods/a/name/0.log" as HostPath);
  });

  test("is where the request says in a pod of before that was kept, and nowhere without a path", () => {
    expect(logPathForMonitor({}, { logPath, config })).toBe(logPath);
    expect(logPathForMonitor({ realLogDirectory: logPath }, { logPath: undefined, config })).toBeUndefined();
  });

  test("has no real directory when that is not there, or not asked for", async () => {
    const pathLooker = { lookAll: async () => [] };
    for (const logDirectory of ["", "/not/there"]) {
      const pod = podSpec({ logDirectory });
      expect(await realLogDirectory({ pathLooker }, pod)).toBeUndefined();
    }
  });
});

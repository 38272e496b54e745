import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerSpec } from "../../../tests/fixtures/specs.ts";
import { parseHostPath } from "../../ids/path.ts";
import { createLinuxKernel } from "../../kernel/linux/linux.ts";
import { createRecordingKernel } from "../../kernel/recording.ts";
import type { TimeSlice } from "../../observe/time-slice.ts";
import { relabelMounts } from "./relabel-mounts.ts";

const directory = mkdtempSync(join(tmpdir(), "relabel-"));
afterAll(() => rmSync(directory, { recursive: true }));

const processLabel = "system_u:system_r:container_t:s0:c1,c2";
const engine = [parseHostPath("/var/lib/crib"), parseHostPath("/run/crib")];

const noTurns: Pick<TimeSlice, "turn"> = { turn: () => Promise.resolve() };

/** The real kernel, but for the attribute, which it has no policy for. */
async function relabel(hostPath: string, label: string = processLabel, selinuxRelabel = true, slice = noTurns) {
  const { open, openat2, close, lstatat } = createLinuxKernel();
  const kernel = createRecordingKernel({ open, openat2, close, lstatat });
  const mounts = [{ containerPath: "/v", hostPath, selinuxRelabel }];
  await relabelMounts(kernel, slice, containerSpec({ mounts }), label, engine);
  return kernel.argumentsOf("lsetxattrat").map(([, name, attribute, value]) => ({
    name,
    attribute,
    value: new TextDecoder().decode(value as Uint8Array),
  }));
}

describe("relabelMounts", () => {
  test("labels a tree with the container's level, and links themselves", async () => {
    const volume = join(directory, "volume");
    mkdirSync(join(volume, "sub"), { recursive: true });
    writeFileSync(join(volume, "sub", "file"), "");
    symlinkSync("/etc", join(volume, "link"));
    let turns = 0;
    const turn = async () => {
      turns++;
    };
    const calls = await relabel(volume, processLabel, true, { turn });
    // One for each file: a volume of millions holds nobody.
    expect(turns).toBe(3);
    expect(calls.map(({ name }) => name).toSorted()).toEqual(["file", "link", "sub", "volume"]);
    expect(new Set(calls.map(({ value }) => value))).toEqual(
      new Set(["system_u:object_r:container_file_t:s0:c1,c2\0"]),
    );
    expect(calls[0]?.attribute).toBe("security.selinux");
  });

  test("does nothing for a mount that does not ask, nor without a label", async () => {
    expect(await relabel("/usr", processLabel, false)).toEqual([]);
    const kernel = createRecordingKernel();
    const mounts = [{ containerPath: "/v", hostPath: "/usr", selinuxRelabel: true }];
    await relabelMounts(kernel, noTurns, containerSpec({ mounts }), undefined, engine);
    expect(kernel.calls).toEqual([]);
  });

  const kept = ["/", "/usr", "/usr/share/x", "/etc", "/etc/hosts", "/home", "/var", "/var/lib", "/var/lib/kubelet"];
  for (const path of [...kept, "/var/lib/crib", "/var/lib/crib/layers/a", "/run/crib/pods/p/hosts", "/run"]) {
    test(`V57: directories of the host and of the engine keep their labels: ${path}`, async () => {
      await expect(relabel(path)).rejects.toThrow("cannot be relabelled");
    });
  }
});

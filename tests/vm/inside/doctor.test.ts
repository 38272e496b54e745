import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { cribBinary } from "../../harness/crib-engine.ts";

interface Finding {
  readonly area: string;
  readonly name: string;
  readonly severity: string;
  readonly detail: string;
}

test("crib doctor tells the layout and the kernel that are really there", () => {
  const run = Bun.spawnSync([cribBinary(), "doctor", "--json"]);
  const findings: readonly Finding[] = JSON.parse(run.stdout.toString());
  const found = (area: string, name: string) => {
    const finding = findings.find((one) => one.area === area && one.name === name);
    return finding === undefined ? "not told" : `${finding.severity}: ${finding.detail}`;
  };
  const layout = process.env.CRIB_VM_LAYOUT ?? "";
  expect(found("cgroups", "mode")).toBe(`${layout === "v2" ? "ok" : "warn"}: ${layout}`);
  expect(found("cgroups", "controllers")).toBe("ok: cpu memory pids");
  expect(found("kernel", "version")).toBe(`ok: ${readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()}`);
  expect(found("kernel", "overlay")).toBe("ok: available");
  expect(found("kernel", "mount API (fsopen, open_tree)")).toBe("ok: works");
  expect(found("kernel", "security modules")).toContain("apparmor");
}, 60_000);

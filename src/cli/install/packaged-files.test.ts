import { expect, test } from "bun:test";
import { defaultConfig } from "../../config/defaults.ts";
import { loadConfig } from "../../config/load-config.ts";
import { settings } from "../../config/settings.ts";
import { packagedFiles } from "./packaged-files.ts";

test("the packaged configuration is what holds without one", () => {
  const loaded = loadConfig({ files: [{ path: "config.toml", text: packagedFiles.config }], flags: {} });
  expect(loaded).toEqual(defaultConfig);
});

test("the packaged configuration names and explains every key", () => {
  const keys = packagedFiles.config.split("\n").filter((line) => /^[a-z_]+ = /.test(line));
  expect(keys).toHaveLength(40);
  const lines = packagedFiles.config.split("\n");
  for (const key of keys) expect([key, lines[lines.indexOf(key) - 1]?.startsWith("# ")]).toEqual([key, true]);
});

test("a reload knows every key by the name it has in the file", () => {
  let table = "";
  const keys = packagedFiles.config.split("\n").flatMap((line) => {
    table = /^\[(.+)\]$/.exec(line)?.[1] ?? table;
    const key = /^([a-z_]+) = /.exec(line)?.[1];
    return key === undefined ? [] : [table === "" ? key : `${table}.${key}`];
  });
  const known = settings.flatMap(({ key }) => key.split(", ")).filter((key) => key !== "runtime.handlers");
  expect(known.toSorted()).toEqual(keys.toSorted());
});

const unitLines = [
  "Type=notify",
  "KillMode=process",
  "Delegate=yes",
  "OOMScoreAdjust=-999",
  "OOMPolicy=continue",
  "TasksMax=infinity",
  "Conflicts=containerd.service",
  "WorkingDirectory=/",
  "UMask=0077",
  "RuntimeDirectoryPreserve=yes",
  "Before=kubelet.service",
  "ExecReload=/usr/local/bin/crib config reload --address unix:///run/crib/crib.sock --timeout 60s",
  "LimitCORE=0",
  "NotifyAccess=main",
  "KeyringMode=private",
  "WatchdogSec=60s",
  "StartLimitIntervalSec=0",
];

test.each(unitLines)("the unit says %s", (line) => {
  expect(packagedFiles.service.split("\n")).toContain(line);
});

test("the unit leaves the limit of open files to systemd, and confines nothing that containers would inherit", () => {
  const inherited =
    /^(?:LimitNOFILE|NoNewPrivileges|CapabilityBoundingSet|SystemCall\w+|Restrict\w+|Lock\w+|MemoryDeny\w+|Protect\w+|Private\w+)=/m;
  expect(packagedFiles.service).not.toMatch(inherited);
});

test("the unit keeps out what turns the executable into Bun's own command line", () => {
  expect(/^UnsetEnvironment=(.*)$/m.exec(packagedFiles.service)?.[1]?.split(" ")).toContain("BUN_BE_BUN");
});

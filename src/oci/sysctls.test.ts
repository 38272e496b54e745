import { describe, expect, test } from "bun:test";
import { CribError } from "../errors/crib-error.ts";
import { validateSysctls } from "./sysctls.ts";

const own = { hostNetwork: false, hostIpc: false };

describe("validateSysctls()", () => {
  test("gives a pod with a network of its own low ports and ping", () => {
    expect(validateSysctls({}, own)).toEqual([
      { key: "net/ipv4/ip_unprivileged_port_start", value: "0" },
      { key: "net/ipv4/ping_group_range", value: "0 2147483647" },
    ]);
    expect(validateSysctls({}, { hostNetwork: true, hostIpc: false })).toEqual([]);
  });

  test("lets the pod's own win", () => {
    const sysctls = validateSysctls({ "net.ipv4.ip_unprivileged_port_start": "1024" }, own);
    expect(sysctls).toContainEqual({ key: "net/ipv4/ip_unprivileged_port_start", value: "1024" });
    expect(sysctls).toHaveLength(2);
  });

  const keys: readonly [string, string][] = [
    ["kernel.shm_rmid_forced", "kernel/shm_rmid_forced"],
    ["fs.mqueue.msg_max", "fs/mqueue/msg_max"],
    ["net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"],
    ["net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"],
  ];
  for (const [name, key] of keys) {
    test(`reads ${name} as ${key}`, () => {
      expect(validateSysctls({ [name]: "1" }, own)).toContainEqual({ key, value: "1" });
    });
  }

  const refusals: readonly [string, string, typeof own][] = [
    ["kernel.core_pattern", "|/x", own],
    ["kernel.core_pattern", "x", own],
    ["vm.swappiness", "1", own],
    ["fs.file-max", "1", own],
    ["kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x", own],
    ["kernel.shm_rmid_forced", "1\n2", own],
    ["kernel.shm_rmid_forced", "", own],
    ["net.ipv4.ip_forward", "1", { hostNetwork: true, hostIpc: false }],
    ["kernel.sem", "1 2 3 4", { hostNetwork: false, hostIpc: true }],
    ["net/../kernel/core_pattern", "x", own],
    ["net.ipv4.ip_forward=1", "1", own],
    ["net", "1", own],
    ["", "1", own],
    ["/net/ipv4/ip_forward", "1", own],
    ["net..ipv4", "1", own],
  ];
  for (const [name, value, modes] of refusals) {
    test(`refuses ${JSON.stringify(name)} = ${JSON.stringify(value)} (CVE-2022-0811)`, () => {
      expect(() => validateSysctls({ [name]: value }, modes)).toThrow(CribError);
    });
  }
});

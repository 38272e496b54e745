import { describe, expect, test } from "bun:test";
import { podAddresses } from "./result.ts";

describe("podAddresses", () => {
  test.each([
    [
      "1.0.0",
      {
        ips: [{ address: "10.1.0.5/24", interface: 2 }],
        interfaces: [{ name: "br" }, { name: "veth" }, { name: "eth0", sandbox: "/x" }],
      },
      ["10.1.0.5"],
    ],
    [
      "host interfaces are not the pod's",
      {
        ips: [
          { address: "10.1.0.1/24", interface: 0 },
          { address: "10.1.0.5/24", interface: 1 },
        ],
        interfaces: [{ name: "br" }, { name: "eth0", sandbox: "/x" }],
      },
      ["10.1.0.5"],
    ],
    [
      "0.3.1 without interfaces",
      {
        ips: [
          { version: "4", address: "10.1.0.5/24" },
          { version: "6", address: "fd00::5/64" },
        ],
      },
      ["10.1.0.5", "fd00::5"],
    ],
    ["0.2.0", { ip4: { ip: "10.1.0.5/24" }, ip6: { ip: "fd00::5/64" } }, ["10.1.0.5", "fd00::5"]],
    [
      "keys in another case, null beside them",
      { IPs: [{ Address: "10.1.0.5/24", interface: null }], interfaces: null, ip4: null },
      ["10.1.0.5"],
    ],
    ["nothing", {}, []],
  ])("%s", (_, result, expected) => {
    expect(podAddresses(result, "net")).toEqual(expected);
  });

  test.each([{ ips: [{ address: "10.1/24" }] }, { ips: [{ address: 7 }] }, { ips: [{}] }, { ip4: { ip: "host" } }])(
    "refuses %j",
    (result) => {
      expect(() => podAddresses(result, "net")).toThrow(/net returned the address/);
    },
  );
});

import { describe, expect, test } from "bun:test";
import { CribError } from "../../../errors/crib-error.ts";
import type { SandboxId } from "../../../ids/object-id.ts";
import type { PortMapping } from "../../port.ts";
import { parseAddress } from "../addresses/subnet.ts";
import { HostPorts, hostPortsOf } from "./host-ports.ts";

const address = (text: string) => {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
};
const mapping = (hostPort: number, hostIp = "", protocol: PortMapping["protocol"] = "tcp"): PortMapping => ({
  protocol,
  hostPort,
  hostIp,
  containerPort: 8080,
});
const v4 = [address("10.88.0.2")];
const dual = [...v4, address("fd00:88::2")];

describe("hostPortsOf", () => {
  test.each([
    ["", dual, [4, 6]],
    ["0.0.0.0", dual, [4]],
    ["::", dual, [6]],
    ["127.0.0.1", dual, [4]],
    ["", v4, [4]],
    ["::", v4, [4]],
    ["0:0::0", v4, [4]],
    ["0.0.0.0", [address("fd00:88::2")], [6]],
  ])("hostIP %j", (hostIp, addresses, families) => {
    expect(hostPortsOf([mapping(80, hostIp)], addresses).map(({ family }) => family)).toEqual(families as (4 | 6)[]);
  });

  test.each([
    [mapping(80, "::1"), "failed-precondition", /needs a pod address of IPv6/],
    [mapping(80, "node1"), "invalid-argument", /host IP "node1"/],
    [mapping(65536), "invalid-argument", /host port 65536/],
    [mapping(-1), "invalid-argument", /host port -1/],
    [{ ...mapping(80), containerPort: 0 }, "invalid-argument", /container port 0/],
  ] as const)("refuses %j", (bad, code, message) => {
    let caught: unknown;
    try {
      hostPortsOf([bad], v4);
    } catch (error) {
      caught = error;
    }
    expect(CribError.is(caught, code)).toBe(true);
    expect(String(caught)).toMatch(message);
  });

  test("the same mapping twice is one; to different container ports it is refused", () => {
    expect(hostPortsOf([mapping(80), mapping(80)], v4)).toHaveLength(1);
    expect(() => hostPortsOf([mapping(80), { ...mapping(80), containerPort: 1 }], v4)).toThrow(/mapped twice/);
  });
});

describe("HostPorts", () => {
  const hold = (ports: HostPorts, pod: string, wanted: PortMapping) =>
    ports.hold(pod as SandboxId, `ns/${pod}`, hostPortsOf([wanted], v4));

  test.each([
    [mapping(80), mapping(80), true],
    [mapping(80), mapping(80, "192.0.2.2"), true],
    [mapping(80, "192.0.2.2"), mapping(80), true],
    [mapping(80, "192.0.2.2"), mapping(80, "192.0.2.2"), true],
    [mapping(80, "192.0.2.2"), mapping(80, "127.0.0.1"), false],
    [mapping(80), mapping(80, "", "udp"), false],
    [mapping(80), mapping(81), false],
  ])("%j then %j collide: %p", (first, second, collide) => {
    const ports = new HostPorts();
    hold(ports, "a", first);
    const attempt = () => hold(ports, "b", second);
    if (collide) expect(attempt).toThrow(/host port "80\/tcp" already exists: pod ns\/a has it/);
    else expect(attempt).not.toThrow();
    ports.release("a" as SandboxId);
    expect(() => hold(ports, "c", first)).not.toThrow();
  });

  test("elements are keyed by protocol and port in network order, by address first where one is given", () => {
    const ports = new HostPorts();
    hold(ports, "a", mapping(8080, "192.0.2.2", "udp"));
    const [element] = ports.elementsOf("a" as SandboxId);
    expect(element?.set).toBe("hostports4_by_address");
    expect([...(element?.key ?? [])]).toEqual([192, 0, 2, 2, 17, 0, 0, 0, 0x1f, 0x90, 0, 0]);
    expect([...(element?.value ?? [])]).toEqual([10, 88, 0, 2, 0x1f, 0x90, 0, 0]);
  });

  test.each([
    [mapping(80), true],
    [mapping(80, "127.0.0.1"), true],
    [mapping(80, "192.0.2.2"), false],
  ])("%j needs 127.0.0.1 routed to the bridge: %p", (wanted, needed) => {
    const ports = new HostPorts();
    hold(ports, "a", wanted);
    expect(ports.needsLoopbackRouting()).toBe(needed);
    ports.release("a" as SandboxId);
    expect(ports.needsLoopbackRouting()).toBe(false);
  });
});

import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import {
  ContainerConfigSchema,
  MountPropagation,
  NamespaceMode,
  PodSandboxConfigSchema,
  Protocol,
} from "../../gen/runtime/v1/api_pb.ts";
import { parseRunFlags, type RunFlags } from "./run-flags.ts";

function parse(flags: Partial<RunFlags>, args: readonly string[] = []) {
  const wanted = parseRunFlags("busybox", args, { network: "pod", newPrivileges: true, ...flags });
  return {
    pod: create(PodSandboxConfigSchema, wanted.pod),
    container: create(ContainerConfigSchema, wanted.container),
    wanted,
  };
}

describe("parseRunFlags()", () => {
  test("without flags asks for a confined container with the image's own command", () => {
    const { pod, container } = parse({});
    expect(pod.linux?.securityContext?.namespaceOptions?.network).toBe(NamespaceMode.POD);
    expect(container).toMatchObject({ command: [], args: [] });
    expect(container.linux?.securityContext).toMatchObject({
      privileged: false,
      readonlyRootfs: false,
      noNewPrivs: false,
    });
    expect(container.linux?.securityContext?.maskedPaths).toContain("/proc/kcore");
  });

  test("keeps the command's words apart, flags among them", () => {
    expect(parse({}, ["sh", "-c", "echo -n $X"]).container.args).toEqual(["sh", "-c", "echo -n $X"]);
  });

  test("translates limits into what the kernel counts", () => {
    const resources = parse({ memory: "64m", cpus: "0.5", pidsLimit: "100" }).container.linux?.resources;
    expect(resources).toMatchObject({
      memoryLimitInBytes: 67_108_864n,
      cpuQuota: 50_000n,
      cpuPeriod: 100_000n,
      unified: { "pids.max": "100" },
    });
  });

  test("translates volumes, ports, capabilities, users and environment", () => {
    const { pod, container } = parse({
      volume: ["/a:/b:ro,rslave", "/c/../c2:/d".replace("/../c2", "2")],
      publish: ["8080:80", "127.0.0.1:53:5353/udp", "[::1]:1:2/sctp"],
      capAdd: ["net_admin", "CAP_SYS_TIME"],
      user: "33:44",
      env: ["A=b=c", "EMPTY="],
    });
    expect(container.mounts[0]).toMatchObject({
      hostPath: "/a",
      containerPath: "/b",
      readonly: true,
      propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
    });
    expect(container.mounts[1]).toMatchObject({ readonly: false, propagation: MountPropagation.PROPAGATION_PRIVATE });
    expect(pod.portMappings).toMatchObject([
      { protocol: Protocol.TCP, hostPort: 8080, containerPort: 80, hostIp: "" },
      { protocol: Protocol.UDP, hostPort: 53, containerPort: 5353, hostIp: "127.0.0.1" },
      { protocol: Protocol.SCTP, hostPort: 1, containerPort: 2, hostIp: "::1" },
    ]);
    expect(container.linux?.securityContext?.capabilities?.addCapabilities).toEqual(["NET_ADMIN", "SYS_TIME"]);
    expect(container.linux?.securityContext?.runAsUser?.value).toBe(33n);
    expect(container.linux?.securityContext?.runAsGroup?.value).toBe(44n);
    expect(container.envs.map(({ key, value }) => [key, Buffer.from(value).toString()])).toEqual([
      ["A", "b=c"],
      ["EMPTY", ""],
    ]);
  });

  test("privileged lifts what confines", () => {
    const { pod, container } = parse({ privileged: true });
    expect(pod.linux?.securityContext?.privileged).toBe(true);
    expect(container.linux?.securityContext).toMatchObject({ privileged: true, maskedPaths: [], readonlyPaths: [] });
  });

  const refused: readonly [flags: Partial<RunFlags>, word: string][] = [
    [{ network: "bridge" }, "bridge"],
    [{ name: "Bad_Name" }, "Bad_Name"],
    [{ name: "../up" }, "../up"],
    [{ memory: "lots" }, "memory limit"],
    [{ cpus: "-1" }, "processor limit"],
    [{ cpus: "0" }, "processor limit"],
    [{ pidsLimit: "0" }, "process limit"],
    [{ env: ["=x"] }, "NAME=value"],
    [{ env: ["NOVALUE"] }, "NAME=value"],
    [{ volume: ["relative:/b"] }, "relative"],
    [{ volume: ["/a:/b:rx"] }, "rx"],
    [{ volume: ["/a:/b:constructor"] }, "constructor"],
    [{ volume: ["/a"] }, "/a"],
    [{ publish: ["80"] }, "80"],
    [{ publish: ["70000:80"] }, "70000"],
    [{ publish: ["80:80/icmp"] }, "icmp"],
    [{ capAdd: ["no such"] }, "no such"],
    [{ user: "" }, "user"],
    [{ user: "1:2:3" }, "1:2:3"],
    [{ user: "01" }, "01"],
    [{ user: "4294967296" }, "4294967296"],
    [{ user: "web:staff" }, "staff"],
  ];
  test.each(refused)("refuses %j", (flags, word) => {
    expect(() => parse(flags)).toThrow(word);
  });
});

import { expect, test } from "bun:test";
import type { SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import type { PodNetworkRequest } from "../port.ts";
import { capabilityArgs } from "./capability-args.ts";
import { cniArgs } from "./cni-args.ts";

const request: PodNetworkRequest = {
  sandboxId: "a".repeat(64) as SandboxId,
  name: "web",
  namespace: "default",
  uid: "u-1",
  netns: "/run/netns/x" as HostPath,
  portMappings: [],
  annotations: {},
  dns: { servers: [], searches: [], options: [] },
};

test("a pod that asks for nothing gives nothing", () => {
  expect(capabilityArgs(request)).toEqual({});
});

test("everything a pod can ask for", () => {
  const annotations = { "kubernetes.io/ingress-bandwidth": "1M", "kubernetes.io/egress-bandwidth": "2M" };
  expect(
    capabilityArgs({
      ...request,
      portMappings: [{ protocol: "udp", containerPort: 53, hostPort: 5353, hostIp: "127.0.0.1" }],
      dns: { servers: ["10.0.0.10"], searches: ["svc"], options: ["ndots:5"] },
      annotations,
    }),
  ).toEqual({
    portMappings: [{ hostPort: 5353, containerPort: 53, protocol: "udp", hostIP: "127.0.0.1" }],
    dns: { servers: ["10.0.0.10"], searches: ["svc"], options: ["ndots:5"] },
    bandwidth: { ingressRate: 1_000_000, ingressBurst: 0xffffffff, egressRate: 2_000_000, egressBurst: 0xffffffff },
    "io.kubernetes.cri.pod-annotations": annotations,
  });
});

test("CNI_ARGS name the pod", () => {
  expect(cniArgs(request)).toBe(
    `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=${"a".repeat(64)};K8S_POD_UID=u-1`,
  );
});

test.each(["x;K8S_POD_UID=0", "a=b", "a\0b"])("CNI_ARGS cannot be extended by a pod's name %j", (name) => {
  expect(() => cniArgs({ ...request, name })).toThrow(/K8S_POD_NAME .* must not contain/);
});

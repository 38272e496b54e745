import { expect, test } from "bun:test";
import { parseHostPath } from "../ids/path.ts";
import { isSeenByCadvisor, servesContainerdApi } from "./containerd-api.ts";

const own = parseHostPath("/run/crib/crib.sock");
const containerds = parseHostPath("/run/containerd/containerd.sock");

test.each([
  ["auto", own, false],
  ["auto", containerds, true],
  ["auto", parseHostPath("/run/k3s/containerd/containerd.sock"), true],
  ["all", own, true],
  ["none", containerds, false],
] as const)("%s: %s answers containerd's calls: %p", (containerdApi, socket, answers) => {
  expect(servesContainerdApi({ containerdApi }, socket)).toBe(answers);
});

test("pods are shown to cAdvisor when any socket answers it", () => {
  expect(isSeenByCadvisor({ containerdApi: "auto", listen: [own, containerds] })).toBe(true);
  expect(isSeenByCadvisor({ containerdApi: "auto", listen: [own] })).toBe(false);
});

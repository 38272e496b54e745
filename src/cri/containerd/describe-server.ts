import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import type { ServiceImpl } from "@connectrpc/connect";
import { notFound } from "../../errors/crib-error.ts";
import type { Introspection } from "../../gen/containerd/services/introspection/v1/introspection_pb.ts";
import type { Namespaces } from "../../gen/containerd/services/namespaces/v1/namespace_pb.ts";
import type { Version } from "../../gen/containerd/services/version/v1/version_pb.ts";
import type { CriDeps } from "../deps.ts";
import { kubernetesNamespace } from "./namespace.ts";

/** cAdvisor logs it and takes any answer for a containerd that is there. */
export function containerdVersion({ build }: Pick<CriDeps, "build">): ServiceImpl<typeof Version>["version"] {
  return () => ({ version: build.version, revision: build.revision });
}

/** `ctr version` prints it: another one after a restart would be another server to it. */
export function describeServer({
  config,
  pid,
}: Pick<CriDeps, "config" | "pid">): ServiceImpl<typeof Introspection>["server"] {
  const hex = createHash("sha256").update(config.root).digest("hex");
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
  return () => ({ uuid, pid: BigInt(pid), pidns: statSync("/proc/self/ns/pid", { bigint: true }).ino });
}

export function listNamespaces(): ServiceImpl<typeof Namespaces>["list"] {
  return () => ({ namespaces: [{ name: kubernetesNamespace }] });
}

export function getNamespace(): ServiceImpl<typeof Namespaces>["get"] {
  return ({ name }) => {
    if (name !== kubernetesNamespace) throw notFound("namespace", name.slice(0, 80));
    return { namespace: { name } };
  };
}

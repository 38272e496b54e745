import type { ServiceImpl } from "@connectrpc/connect";
import type { Version } from "../../gen/containerd/services/version/v1/version_pb.ts";
import type { CriDeps } from "../deps.ts";

/** cAdvisor logs it and takes any answer for a containerd that is there. */
export function containerdVersion({ build }: Pick<CriDeps, "build">): ServiceImpl<typeof Version>["version"] {
  return () => ({ version: build.version, revision: build.revision });
}

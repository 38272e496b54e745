import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { Containers } from "../../gen/containerd/services/containers/v1/containers_pb.ts";
import { Tasks } from "../../gen/containerd/services/tasks/v1/tasks_pb.ts";
import { Version } from "../../gen/containerd/services/version/v1/version_pb.ts";
import type { CriDeps } from "../deps.ts";
import { getContainer } from "./get-container.ts";
import { getTask } from "./get-task.ts";

/** cAdvisor logs it and takes any answer for a containerd that is there. */
function containerdVersion({ build }: Pick<CriDeps, "build">): ServiceImpl<typeof Version>["version"] {
  return () => ({ version: build.version, revision: build.revision });
}

/** What cAdvisor asks of containerd's API (docs/decisions/0120). */
export function containerdRoutes(deps: CriDeps): (router: ConnectRouter) => void {
  return (router) => {
    router.service(Version, { version: containerdVersion(deps) });
    router.service(Containers, { get: getContainer(deps) });
    router.service(Tasks, { get: getTask(deps) });
  };
}

import type { ConnectRouter } from "@connectrpc/connect";
import { Containers } from "../../gen/containerd/services/containers/v1/containers_pb.ts";
import { Images } from "../../gen/containerd/services/images/v1/images_pb.ts";
import { Introspection } from "../../gen/containerd/services/introspection/v1/introspection_pb.ts";
import { Namespaces } from "../../gen/containerd/services/namespaces/v1/namespace_pb.ts";
import { Tasks } from "../../gen/containerd/services/tasks/v1/tasks_pb.ts";
import { Version } from "../../gen/containerd/services/version/v1/version_pb.ts";
import type { CriDeps } from "../deps.ts";
import { containerdVersion, describeServer, getNamespace, listNamespaces } from "./describe-server.ts";
import { getContainer } from "./get-container.ts";
import { getTask, listTasks } from "./get-task.ts";
import { listContainers } from "./list-containers.ts";
import { getImage, listImages } from "./list-images.ts";

/** What cAdvisor (docs/decisions/0120) and `ctr` (0146) ask of containerd's API. */
export function containerdRoutes(deps: CriDeps): (router: ConnectRouter) => void {
  return (router) => {
    router.service(Version, { version: containerdVersion(deps) });
    router.service(Introspection, { server: describeServer(deps) });
    router.service(Namespaces, { get: getNamespace(), list: listNamespaces() });
    router.service(Containers, { get: getContainer(deps), list: listContainers(deps) });
    router.service(Tasks, { get: getTask(deps), list: listTasks(deps) });
    router.service(Images, { get: getImage(deps), list: listImages(deps) });
  };
}

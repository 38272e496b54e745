import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PodSandboxSchema } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { PluginPod } from "../port.ts";

/** A pod in the words of NRI. */
export function describePod(pod: PluginPod): MessageInitShape<typeof PodSandboxSchema> {
  const { id, name, uid, namespace, labels, annotations, runtimeHandler, pid } = pod;
  return {
    id,
    name,
    uid,
    namespace,
    labels: { ...labels },
    annotations: { ...annotations },
    runtimeHandler,
    pid,
    ips: [...pod.ips],
    linux: {
      cgroupParent: pod.cgroupParent,
      cgroupsPath: pod.cgroup,
      namespaces: pod.netns === undefined ? [] : [{ type: "network", path: pod.netns }],
    },
  };
}

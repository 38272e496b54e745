import { create } from "@bufbuild/protobuf";
import { ListMetricDescriptorsResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { RuntimeRpc } from "../handler.ts";
import { containerLabelKeys, containerMetrics, interfaceLabelKeys, interfaceMetrics } from "../metrics/pod-metrics.ts";

/** What ListPodSandboxMetrics may send: the kubelet registers these names once. */
export function listMetricDescriptors(): RuntimeRpc<"listMetricDescriptors"> {
  const response = create(ListMetricDescriptorsResponseSchema, {
    descriptors: [
      ...containerMetrics.map(({ name, help }) => ({ name, help, labelKeys: [...containerLabelKeys] })),
      ...interfaceMetrics.map(({ name, help }) => ({ name, help, labelKeys: [...interfaceLabelKeys] })),
    ],
  });
  return () => response;
}

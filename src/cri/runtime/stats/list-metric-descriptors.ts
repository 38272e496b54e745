import { create } from "@bufbuild/protobuf";
import { ListMetricDescriptorsResponseSchema } from "../../../gen/runtime/v1/api_pb.ts";
import type { RuntimeRpc } from "../../handler.ts";
import { metricDescriptions } from "../../metrics/every-metric.ts";

/** What ListPodSandboxMetrics may send: the kubelet registers these names once. */
export function listMetricDescriptors(): RuntimeRpc<"listMetricDescriptors"> {
  const response = create(ListMetricDescriptorsResponseSchema, {
    descriptors: metricDescriptions.map(({ name, help, labelKeys }) => ({ name, help, labelKeys: [...labelKeys] })),
  });
  return () => response;
}

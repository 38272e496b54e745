import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ContainerAdjustment } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import { ContainerAdjustmentSchema } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";

/**
 * All that plugins asked for a container, as validators are shown it: later ones over earlier ones. Lists are joined, so a thing
 * that one plugin set and a later one removed is in it with both, in this order.
 */
export function mergeAdjustments(adjustments: readonly ContainerAdjustment[]): ContainerAdjustment {
  // Protobuf's own rule: the bytes of two messages one after the other are the bytes of their merge.
  const bytes = adjustments.map((each) => toBinary(ContainerAdjustmentSchema, each));
  const merged = fromBinary(ContainerAdjustmentSchema, Buffer.concat(bytes));
  const args = adjustments.findLast((each) => each.args.length > 0)?.args ?? [];
  return { ...merged, args: args[0] === "" ? args.slice(1) : args };
}

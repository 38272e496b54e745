import { create } from "@bufbuild/protobuf";
import { VersionResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";

/** The kubelet's own API version, a constant of the protocol since its first release. */
const kubeletApiVersion = "0.1.0";

/** Who serves, and which CRI. Asked on every connect and every few seconds: no work here. */
export function version({ build }: Pick<CriDeps, "build">): RuntimeRpc<"version"> {
  const response = create(VersionResponseSchema, {
    version: kubeletApiVersion,
    runtimeName: "crib",
    runtimeVersion: build.version,
    runtimeApiVersion: "v1",
  });
  return () => response;
}

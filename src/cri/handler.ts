import type { ServiceImpl } from "@connectrpc/connect";
import type { Engine } from "../gen/crib/v1/engine_pb.ts";
import type { ImageService, RuntimeService } from "../gen/runtime/v1/api_pb.ts";

/** The type of one RPC's handler, by its name in the service. */
export type RuntimeRpc<Name extends keyof ServiceImpl<typeof RuntimeService>> = ServiceImpl<
  typeof RuntimeService
>[Name];
export type ImageRpc<Name extends keyof ServiceImpl<typeof ImageService>> = ServiceImpl<typeof ImageService>[Name];
export type EngineRpc<Name extends keyof ServiceImpl<typeof Engine>> = ServiceImpl<typeof Engine>[Name];

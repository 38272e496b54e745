import { CribError } from "../errors/crib-error.ts";

/** In the words of gRPC's generated servers: Kubernetes' own tests know an RPC that a runtime does not have by them. */
export function notImplemented(rpc: string): CribError {
  return new CribError("unimplemented", `method ${rpc} not implemented`);
}

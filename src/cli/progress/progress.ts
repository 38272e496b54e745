import type { HostFailure, LayerProgress, Resolved } from "../../gen/crib/v1/engine_pb.ts";

/** Shows a pull while it goes on. Dispose when it has ended, however it ended. */
export interface PullProgress extends Disposable {
  resolved(resolved: Resolved): void;
  layer(layer: LayerProgress): void;
  hostFailure(failure: HostFailure): void;
}

import { create } from "@bufbuild/protobuf";
import { assertNever } from "../../errors/assert-never.ts";
import type { PullUpdate } from "../../gen/crib/v1/engine_pb.ts";
import { PullUpdateSchema } from "../../gen/crib/v1/engine_pb.ts";
import type { PullProgress } from "../../images/port.ts";
import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";
import { LatestByKey } from "../latest-by-key.ts";
import { requireImage } from "../validate/image-spec.ts";

/** PullImage that tells how it goes. The client that leaves ends its interest; another's pull of the same goes on. */
export function pull({ images }: Pick<CriDeps, "images">): EngineRpc<"pull"> {
  return async function* (request, context) {
    const reference = requireImage({ image: request.reference }, "reference");
    const credentials =
      request.username === "" && request.password === ""
        ? undefined
        : {
            username: request.username,
            password: request.password,
            auth: "",
            serverAddress: "",
            identityToken: "",
            registryToken: "",
          };
    const updates = new LatestByKey<PullUpdate>();
    const onProgress = (progress: PullProgress) => updates.put(progressKey(progress), toUpdate(progress));
    const pulled = images
      .pull({ reference, credentials, onProgress, asker: "cli" }, context.signal)
      .then((image) => updates.put("done", toUpdate({ kind: "done", imageId: image.id })));
    // `drain` below rethrows the failure; this only keeps it from being unhandled in the meantime.
    pulled.catch(() => undefined).finally(() => updates.end());
    yield* updates.drain();
    await pulled;
    yield* updates.drain();
  };
}

/** A layer's newer progress replaces the older one that no client has read yet. */
function progressKey(progress: PullProgress): string {
  if (progress.kind === "host-failure") return progress.origin;
  return progress.kind === "layer" ? progress.digest : progress.kind;
}

function toUpdate(progress: PullProgress): PullUpdate {
  switch (progress.kind) {
    case "resolved":
      return create(PullUpdateSchema, {
        update: { case: "resolved", value: { reference: progress.reference, digest: progress.digest } },
      });
    case "layer": {
      const { digest, doneBytes, totalBytes, phase, sender } = progress;
      const from = sender === undefined ? {} : { source: sender.origin, mirror: sender.isMirror };
      const value = { digest, doneBytes, totalBytes, phase, ...from };
      return create(PullUpdateSchema, { update: { case: "layer", value } });
    }
    case "host-failure": {
      const { origin, why } = progress;
      return create(PullUpdateSchema, { update: { case: "hostFailure", value: { origin, why } } });
    }
    case "done":
      return create(PullUpdateSchema, { update: { case: "done", value: { imageId: progress.imageId } } });
    default:
      return assertNever(progress, "pull progress");
  }
}

import { create } from "@bufbuild/protobuf";
import { type PullEvent, PullEventSchema, PullUnderWaySchema } from "../../gen/crib/v1/engine_pb.ts";
import type { LayerUnderWay, PullUnderWay, PullEvent as Told } from "../../images/port.ts";
import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";
import { LatestByKey } from "../latest-by-key.ts";

/** What is being pulled, also for the kubelet: `crib images --pulling`. */
export function listPulls({ images }: Pick<CriDeps, "images">): EngineRpc<"listPulls"> {
  return () => ({ pulls: images.pulls().map(toMessage) });
}

/** The same as it happens. A slow reader misses steps and no end. */
export function watchPulls({ images }: Pick<CriDeps, "images">, shutdown: AbortSignal): EngineRpc<"watchPulls"> {
  return async function* (_request, context) {
    const events = new LatestByKey<PullEvent>();
    const signal = AbortSignal.any([context.signal, shutdown]);
    signal.addEventListener("abort", () => events.end(), { once: true });
    if (signal.aborted) return;
    using _watch = images.watchPulls((event) => events.put(String(event.pull.id), toEvent(event)));
    for (const pull of images.pulls()) events.put(String(pull.id), toEvent({ pull, ended: undefined }));
    yield* events.drain();
  };
}

function toEvent({ pull, ended }: Told): PullEvent {
  return create(PullEventSchema, { pull: toMessage(pull), ...ended });
}

function toMessage(pull: PullUnderWay) {
  const { id, reference, askers, startedAtNs, digest = "", layers } = pull;
  const message = { id: BigInt(id), reference, askers: [...askers], startedAtNs, digest, layers: layers.map(toLayer) };
  return create(PullUnderWaySchema, message);
}

function toLayer({ digest, phase, doneBytes, totalBytes, bytesPerSecond, msLeft, sender }: LayerUnderWay) {
  return {
    digest,
    phase,
    doneBytes,
    totalBytes,
    ...(sender === undefined ? {} : { source: sender.origin, mirror: sender.isMirror }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond: BigInt(Math.round(bytesPerSecond)) }),
    ...(msLeft === undefined ? {} : { millisecondsLeft: BigInt(Math.round(msLeft)) }),
  };
}

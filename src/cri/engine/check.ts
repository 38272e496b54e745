import { create } from "@bufbuild/protobuf";
import { type CheckUpdate, CheckUpdateSchema } from "../../gen/crib/v1/engine_pb.ts";
import type { CheckStep } from "../../images/port.ts";
import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";

/** `crib check`. A client that leaves ends it after what is being read. */
export function check({ images }: Pick<CriDeps, "images">): EngineRpc<"check"> {
  return async function* ({ repair }, context) {
    for await (const step of images.check({ repair }, context.signal)) yield toUpdate(step);
  };
}

function toUpdate(step: CheckStep): CheckUpdate {
  if (step.kind === "finding") {
    const { part, digest, problem, images, outcome, error } = step;
    const why = { errorCode: error?.code ?? "", error: error?.message ?? "" };
    const value = { part, digest, problem, images: [...images], outcome, ...why };
    return create(CheckUpdateSchema, { update: { case: "finding", value } });
  }
  const { items, doneItems, doneBytes } = step;
  const value = { items: BigInt(items), doneItems: BigInt(doneItems), doneBytes };
  return create(CheckUpdateSchema, { update: { case: "progress", value } });
}

import type { DuelKind, DuelMode } from "./racer-duel.ts";

export const duelModes: readonly DuelMode[] = ["CONTAINER", "POD", "TARGET", "NODE"];

/** Every kind of pod that the racer is let loose in. */
export function duelKinds(mode: DuelMode): readonly DuelKind[] {
  return [false, true].flatMap((userNamespace) =>
    [false, true]
      .filter(
        (privileged) => !(userNamespace && (privileged || mode === "NODE")) && !(privileged && mode === "CONTAINER"),
      )
      .map((privileged) => ({ mode, userNamespace, privileged })),
  );
}

export function describeDuel({ mode, userNamespace, privileged }: DuelKind): string {
  return `${mode}${userNamespace ? ", user namespace" : ""}${privileged ? ", privileged neighbour" : ""}`;
}

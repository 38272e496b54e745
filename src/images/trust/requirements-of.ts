import { type ImageReference, repositoryName } from "../registry/reference.ts";
import type { Requirement, TrustPolicy } from "./trust-policy.ts";

export interface Chosen {
  /** The scope that decided: "docker.io/library", "*.example.com", "" for every registry; "default" for none. */
  readonly scope: string;
  readonly requirements: readonly Requirement[];
}

/** The most exact scope decides alone (containers-policy.json(5), "docker:"). */
export function requirementsOf(policy: TrustPolicy, reference: ImageReference): Chosen {
  for (const scope of scopesOf(reference)) {
    const requirements = policy.scopes.get(scope);
    if (requirements !== undefined) return { scope, requirements };
  }
  return { scope: "default", requirements: policy.fallback };
}

function scopesOf(reference: ImageReference): readonly string[] {
  const name = repositoryName(reference);
  const exact = reference.digest === undefined ? `${name}:${reference.tag ?? "latest"}` : `${name}@${reference.digest}`;
  const parts = name.split("/");
  const above = parts.map((_part, position) => parts.slice(0, parts.length - position).join("/"));
  const host = reference.domain.replace(/:[0-9]+$/, "");
  const labels = host.split(".");
  const wildcards = labels.slice(1).map((_label, position) => `*.${labels.slice(position + 1).join(".")}`);
  return [exact, ...above, ...wildcards, ""];
}

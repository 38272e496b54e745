import { assertNever } from "../../errors/assert-never.ts";
import { failedPrecondition, internal, invalidArgument } from "../../errors/crib-error.ts";
import { type HostPath, parseHostPath } from "../../ids/path.ts";
import { resolveCapabilities } from "../../oci/process/capabilities.ts";
import type { RuntimeSpec, SpecSeccomp } from "../../oci/runtime-spec.ts";
import type { SeccompContext } from "../../oci/seccomp/default-profile.ts";
import { intersectProfiles } from "../../oci/seccomp/intersect-profiles.ts";
import { parseSeccompProfile } from "../../oci/seccomp/parse-profile.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import type { ContainerSecurityContext } from "../../spec/security-context.ts";
import type { BaseProfile } from "../../spec/security-profile.ts";
import type { PodEngine } from "../engine.ts";

type Base = { readonly kind: "default" } | { readonly kind: "localhost"; readonly reference: string };

type Wish =
  | Base
  | { readonly kind: "unconfined" }
  | { readonly kind: "pulled"; readonly reference: string; readonly base: Base };

/**
 * The seccomp profile a container runs under; undefined is unconfined, which is also what a request that says nothing gets
 * (the CRI's "nil profile") and what privileged means.
 *
 * @param localProfile what `localProfilePath` holds.
 * @throws {CribError} invalid-argument for a Localhost profile that is malformed, failed-precondition when the
 * kernel cannot filter: never run unfiltered instead.
 */
export function resolveSeccomp(
  engine: Pick<PodEngine, "hostFacts" | "defaultSeccomp" | "images">,
  security: ContainerSecurityContext | undefined,
  localProfile: string | undefined,
): SpecSeccomp | undefined {
  if (security === undefined || security.privileged) return undefined;
  const wish = wishOf(security);
  if (wish.kind === "unconfined") return undefined;
  if (!engine.hostFacts.seccomp) {
    throw failedPrecondition(
      "a seccomp profile is asked for, but this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)",
    );
  }
  const context: SeccompContext = {
    architecture: engine.hostFacts.architecture,
    kernelVersion: engine.hostFacts.kernelVersion,
    capabilities: boundingSet(engine, security),
  };
  if (wish.kind !== "pulled") return profileOf(engine, wish, context, localProfile);
  const text = requirePulledProfile(engine, wish.reference);
  return intersectProfiles(
    parseSeccompProfile(text, wish.reference, context),
    profileOf(engine, wish.base, context, localProfile),
  );
}

function profileOf(
  engine: Pick<PodEngine, "defaultSeccomp">,
  wish: Base,
  context: SeccompContext,
  localProfile: string | undefined,
): SpecSeccomp {
  if (wish.kind === "default") return engine.defaultSeccomp.of(context);
  if (localProfile === undefined) throw internal(`seccomp profile ${wish.reference} was not read`);
  return parseSeccompProfile(localProfile, wish.reference, context);
}

/**
 * The file of the Localhost profile that is asked for, or that a pulled one is held to; undefined when none is. The kubelet sends an absolute path; a bare name
 * is looked up in the configured directory.
 */
export function localProfilePath(
  { config: { runtime } }: Pick<PodEngine, "config">,
  config: ContainerSpec,
): HostPath | undefined {
  const security = config.linux?.securityContext;
  if (security === undefined || security.privileged) return undefined;
  const wish = wishOf(security);
  const base = wish.kind === "pulled" ? wish.base : wish;
  if (base.kind !== "localhost") return undefined;
  const { reference } = base;
  return parseHostPath(
    reference.startsWith("/") ? reference : `${runtime.seccompProfileRoot}/${reference}`,
    "seccomp localhost_ref",
  );
}

/** @throws {CribError} failed-precondition when it is not here: nothing is pulled for a container or a pod that is being made. */
function requirePulledProfile(engine: Pick<PodEngine, "images">, reference: string): string {
  const text = engine.images.profiles.find(reference);
  if (text !== undefined) return text;
  throw failedPrecondition(
    `seccomp profile ${JSON.stringify(reference.slice(0, 300))} is not on this node: PullSecurityProfile fetches it first`,
  );
}

/** A pod has no process that is filtered; a profile that it names must be here all the same. @throws {CribError} */
export function checkPodSeccomp(engine: Pick<PodEngine, "images">, config: PodSpec): void {
  const profile = config.linux?.securityContext?.seccomp;
  if (profile?.kind === "oci") requirePulledProfile(engine, profile.reference);
}

function boundingSet(engine: Pick<PodEngine, "hostFacts">, security: ContainerSecurityContext): readonly string[] {
  const sets: RuntimeSpec["process"]["capabilities"] = resolveCapabilities(
    security.capabilities,
    false,
    engine.hostFacts.capabilities,
  );
  return sets?.bounding ?? [];
}

function wishOf(security: ContainerSecurityContext): Wish {
  const profile = security.seccomp;
  if (profile === undefined) return deprecatedWish(security.seccompProfilePath);
  switch (profile.kind) {
    case "runtime-default":
      return { kind: "default" };
    case "unconfined":
      return { kind: "unconfined" };
    case "localhost":
      return localhost(profile.reference);
    case "oci":
      return { kind: "pulled", reference: profile.reference, base: baseOf(profile.base) };
    default:
      return assertNever(profile, "seccomp profile type");
  }
}

/** Absent is the default one; so is what is there and says nothing. */
function baseOf(base: BaseProfile | undefined): Base {
  return base === undefined || base.kind === "runtime-default" ? { kind: "default" } : localhost(base.reference);
}

/** The strings kubelets sent before 1.20. */
function deprecatedWish(path: string): Wish {
  if (path === "" || path === "unconfined") return { kind: "unconfined" };
  if (path === "runtime/default" || path === "docker/default") return { kind: "default" };
  if (path.startsWith("localhost/")) return localhost(path);
  throw invalidArgument(
    `seccomp profile ${JSON.stringify(path.slice(0, 200))} is neither runtime/default, unconfined nor localhost/NAME`,
  );
}

function localhost(reference: string): Base {
  const name = reference.replace(/^localhost\//, "");
  if (name === "") throw invalidArgument("a Localhost seccomp profile is asked for without its name");
  return { kind: "localhost", reference: name };
}

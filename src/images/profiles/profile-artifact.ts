import { CribError, invalidArgument } from "../../errors/crib-error.ts";
import { type Digest, isDigest } from "../../ids/digest.ts";
import { digestedDocument, type ForeignRules } from "../../json/foreign-json.ts";
import { type ForeignObject, parseForeignObject } from "../../json/foreign-object.ts";
import type { FetchedManifest } from "../registry/repository.ts";

/**
 * A refusal for good: the kubelet tries everything else again, and knows this by its first word (cri-api, pkg/errors).
 */
export function profileInvalid(message: string, cause?: unknown): CribError {
  return invalidArgument(`SecurityProfileInvalid: ${message}`, cause);
}

/** What says that an artifact is a seccomp profile (KEP-6061): on its config, and on the artifact if that says anything. */
const seccompProfileType = "application/vnd.cncf.seccomp-profile.config.v1+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

export const maxProfileBytes = 1 << 20;
const maxSyscallEntries = 128;

const profileRules: ForeignRules = Object.freeze({ maxBytes: maxProfileBytes, repeatedKeys: "last-counts" });

/** The one layer of an artifact: the profile as it is. */
export interface ProfileLayer {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** @throws {CribError} invalid-argument, saying SecurityProfileInvalid, for what is no artifact with one seccomp profile. */
export function readProfileManifest({ bytes, mediaType }: FetchedManifest, what: string): ProfileLayer {
  return refusing(what, () => {
    const fields = parseForeignObject(bytes, what, digestedDocument);
    const stated = fields.text("mediaType") || mediaType;
    if (stated !== manifestType) throw profileInvalid(`${what} is ${shown(stated)}, not an OCI manifest`);
    if (fields.wholeNumber("schemaVersion") !== 2) throw profileInvalid(`${what} has no schemaVersion 2`);
    const artifactType = fields.text("artifactType");
    const configType = fields.object("config")?.text("mediaType") ?? "";
    for (const type of artifactType === "" ? [configType] : [artifactType, configType]) {
      if (type !== seccompProfileType)
        throw profileInvalid(`${what} is of type ${shown(type)}, not ${seccompProfileType}`);
    }
    const [layer, ...more] = fields.objects("layers");
    if (layer === undefined || more.length > 0) {
      throw profileInvalid(`${what} has ${layer === undefined ? 0 : 1 + more.length} layers, a profile is exactly one`);
    }
    return readLayer(layer, what);
  });
}

function readLayer(layer: ForeignObject, what: string): ProfileLayer {
  const digest = layer.text("digest");
  const sizeBytes = layer.wholeNumber("size");
  if (!isDigest(digest) || sizeBytes === undefined) throw profileInvalid(`${what} has a layer without digest or size`);
  if (sizeBytes > maxProfileBytes) {
    throw profileInvalid(`${what} has a profile of ${sizeBytes} bytes, over ${maxProfileBytes}`);
  }
  return { digest, sizeBytes };
}

/**
 * What a profile from a registry may never have: an agent to ask, and more rules than a filter should.
 * Whether each rule can be read is told when it is applied, as for any profile.
 *
 * @throws {CribError} invalid-argument, saying SecurityProfileInvalid.
 */
export function checkProfile(text: string, what: string): void {
  refusing(what, () => {
    const fields = parseForeignObject(text, what, profileRules);
    for (const field of ["listenerPath", "listenerMetadata"]) {
      if (fields.has(field)) throw profileInvalid(`${what} has ${field}: nobody listens here`);
    }
    const rules = fields.objects("syscalls");
    if (rules.length > maxSyscallEntries) {
      throw profileInvalid(`${what} has ${rules.length} syscall entries, over ${maxSyscallEntries}`);
    }
    if ([fields.text("defaultAction"), ...rules.map((rule) => rule.text("action"))].includes("SCMP_ACT_NOTIFY")) {
      throw profileInvalid(`${what} asks an agent by SCMP_ACT_NOTIFY, and there is none`);
    }
    if (fields.text("defaultAction") === "") throw profileInvalid(`${what} has no defaultAction`);
  });
}

/** Bytes that are no JSON, or JSON of another shape: of the artifact, not of the line. */
function refusing<Result>(what: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw CribError.is(error, "data-loss") ? profileInvalid(`${what}: ${error.message}`, error) : error;
  }
}

function shown(type: string): string {
  return JSON.stringify(type.slice(0, 120));
}

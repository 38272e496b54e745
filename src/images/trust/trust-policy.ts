import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { type CribError, failedPrecondition } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";

/** Whose word a signature is about: see containers-policy.json(5). */
export type SignedIdentity =
  | { readonly type: "matchExact" | "matchRepoDigestOrExact" | "matchRepository" }
  | { readonly type: "exactReference"; readonly dockerReference: string }
  | { readonly type: "exactRepository"; readonly dockerRepository: string };

/** What an image must be to be pulled. */
export type Requirement =
  | { readonly type: "insecureAcceptAnything" | "reject" }
  | { readonly type: "sigstoreSigned"; readonly keys: readonly KeyObject[]; readonly identity: SignedIdentity };

export interface TrustPolicy {
  readonly fallback: readonly Requirement[];
  /** By scope; "" is every registry. */
  readonly scopes: ReadonlyMap<string, readonly Requirement[]>;
}

const text = z.string().min(1);
const identity = z.discriminatedUnion("type", [
  z.strictObject({ type: z.enum(["matchExact", "matchRepoDigestOrExact", "matchRepository"]) }),
  z.strictObject({ type: z.literal("exactReference"), dockerReference: text }),
  z.strictObject({ type: z.literal("exactRepository"), dockerRepository: text }),
]);
const requirement = z.discriminatedUnion("type", [
  z.strictObject({ type: z.enum(["insecureAcceptAnything", "reject"]) }),
  z.strictObject({
    type: z.literal("sigstoreSigned"),
    keyPath: text.optional(),
    keyPaths: z.array(text).min(1).optional(),
    keyData: text.optional(),
    keyDatas: z.array(text).min(1).optional(),
    signedIdentity: identity.optional(),
  }),
]);
/** An empty list would be a policy that says nothing. */
const requirements = z.array(requirement).min(1);
const policySchema = z.strictObject({
  default: requirements,
  // Of transports that are no registries nothing is pulled: what they say is not looked at.
  transports: z.looseObject({ docker: z.record(z.string(), requirements).optional() }).optional(),
});

const maxPolicyBytes = 1024 * 1024;
/** What the format knows and crib does not do: named, so that nobody takes it for a typing error. */
const notDone: Readonly<Record<string, string>> = {
  signedBy: "OpenPGP signatures",
  fulcio: "keyless signatures (Fulcio)",
  pki: "signatures by certificates of an own authority",
  rekorPublicKeyPath: "transparency logs (Rekor)",
  rekorPublicKeyPaths: "transparency logs (Rekor)",
  rekorPublicKeyData: "transparency logs (Rekor)",
  rekorPublicKeyDatas: "transparency logs (Rekor)",
  remapIdentity: "remapped identities",
};

/** Reads the policy and its keys. @throws {CribError} failed-precondition for what is not understood: then nothing is pulled. */
export function readTrustPolicy(file: HostPath): TrustPolicy {
  const bytes = readFile(file, file);
  if (bytes.length > maxPolicyBytes)
    throw failedPrecondition(`trust policy ${file} is longer than ${maxPolicyBytes} bytes`);
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw failedPrecondition(
      `trust policy ${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
  refuseWhatIsNotDone(document, file);
  const parsed = policySchema.safeParse(document);
  if (!parsed.success) throw failedPrecondition(`trust policy ${file} is not valid: ${z.prettifyError(parsed.error)}`);
  const toRequirements = (list: z.infer<typeof requirements>): readonly Requirement[] =>
    list.map((entry) => toRequirement(entry, file));
  const docker = Object.entries(parsed.data.transports?.docker ?? {});
  return {
    fallback: toRequirements(parsed.data.default),
    scopes: new Map(docker.map(([scope, list]) => [scope, toRequirements(list)])),
  };
}

function refuseWhatIsNotDone(document: unknown, file: string): void {
  const docker = field(field(document, "transports"), "docker");
  const lists = [field(document, "default"), ...(isRecord(docker) ? Object.values(docker) : [])];
  for (const entry of lists.flat()) {
    const words = [
      field(entry, "type"),
      field(field(entry, "signedIdentity"), "type"),
      ...(isRecord(entry) ? Object.keys(entry) : []),
    ];
    for (const word of words) {
      const what = typeof word === "string" && Object.hasOwn(notDone, word) ? notDone[word] : undefined;
      if (what !== undefined)
        throw failedPrecondition(`trust policy ${file} asks for ${JSON.stringify(word)}: crib does not verify ${what}`);
    }
  }
}

function field(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toRequirement(entry: z.infer<typeof requirement>, file: string): Requirement {
  if (entry.type !== "sigstoreSigned") return { type: entry.type };
  const { keyPath, keyPaths, keyData, keyDatas, signedIdentity } = entry;
  const given = [keyPath, keyPaths, keyData, keyDatas].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw failedPrecondition(
      `trust policy ${file}: sigstoreSigned takes one of keyPath, keyPaths, keyData and keyDatas`,
    );
  const paths = keyPaths ?? (keyPath === undefined ? [] : [keyPath]);
  const datas = keyDatas ?? (keyData === undefined ? [] : [keyData]);
  const keys = [
    ...paths.map((path) => toKey(readFile(path, file), path, file)),
    ...datas.map((data) => toKey(Buffer.from(data, "base64"), "keyData", file)),
  ];
  return { type: "sigstoreSigned", keys, identity: signedIdentity ?? { type: "matchRepoDigestOrExact" } };
}

function toKey(pem: Buffer, what: string, file: string): KeyObject {
  const refused = (why: string, cause?: unknown): CribError =>
    failedPrecondition(`trust policy ${file}: ${what} ${why}`, cause);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: "pem" });
  } catch (error) {
    throw refused("is no public key in PEM", error);
  }
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw refused("is no ECDSA key of P-256, which cosign makes");
  return key;
}

function readFile(path: string, file: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const who = path === file ? `trust policy ${file}` : `trust policy ${file} names ${path}, which`;
    throw failedPrecondition(`${who} cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

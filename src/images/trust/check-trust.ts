import { verify } from "node:crypto";
import { CribError, failedPrecondition } from "../../errors/crib-error.ts";
import { type Digest, isDigest } from "../../ids/digest.ts";
import type { HostPath } from "../../ids/path.ts";
import { plainDocument } from "../../json/foreign-json.ts";
import { parseForeignObject } from "../../json/foreign-object.ts";
import { type ManifestSource, readBlob } from "../pull/resolve-image.ts";
import { formatReference, type ImageReference, parseReference, repositoryName } from "../registry/reference.ts";
import { requirementsOf } from "./requirements-of.ts";
import { type Requirement, readTrustPolicy, type SignedIdentity } from "./trust-policy.ts";

type Signed = Extract<Requirement, { readonly type: "sigstoreSigned" }>;

/** What a signature of cosign is about, once its key is known to be right. */
interface SignedStatement {
  readonly digest: string;
  readonly reference: string;
}

const signatureType = "application/vnd.dev.cosign.simplesigning.v1+json";
const signatureAnnotation = "dev.cosignproject.cosign/signature";
const statementType = "cosign container image signature";
const maxSignatures = 64;
const maxPayloadBytes = 64 * 1024;

/** A pull as the node's trust policy sees it: asked once before a registry is, and once its image is known. */
export class TrustCheck {
  readonly #reference: ImageReference;
  readonly #scope: string;
  readonly #requirements: readonly Requirement[];

  /** @throws {CribError} failed-precondition for a policy that is not understood, and for what it rejects whatever it is. */
  constructor(file: HostPath, reference: ImageReference) {
    this.#reference = reference;
    const { scope, requirements } = requirementsOf(readTrustPolicy(file), reference);
    this.#scope = scope;
    this.#requirements = requirements;
    if (requirements.some(({ type }) => type === "reject")) throw this.#refused("it rejects all images there");
  }

  /**
   * @param digests what the reference stands for, and the manifest that was chosen of it: a signature on either is one on the image.
   * @returns the verdict, for the audit. @throws {CribError} failed-precondition when a requirement is not met.
   */
  async verdict(digests: readonly Digest[], from: ManifestSource, signal: AbortSignal): Promise<string> {
    const verdicts: string[] = [];
    for (const requirement of this.#requirements) {
      if (requirement.type !== "sigstoreSigned") verdicts.push(requirement.type);
      else verdicts.push(`sigstoreSigned ${await this.#signed(requirement, digests, from, signal)}`);
    }
    return `${verdicts.join(", ")} (${this.#scope === "" ? "every registry" : this.#scope})`;
  }

  async #signed(
    requirement: Signed,
    digests: readonly Digest[],
    from: ManifestSource,
    signal: AbortSignal,
  ): Promise<Digest> {
    const problems: string[] = [];
    for (const digest of new Set(digests)) {
      for await (const { payload, signature } of signaturesOf(digest, from, signal)) {
        const isOurs = requirement.keys.some((key) =>
          verify("sha256", payload, { key, dsaEncoding: "der" }, signature),
        );
        if (!isOurs) {
          problems.push(`a signature of ${digest} is by none of the keys`);
          continue;
        }
        const statement = statementOf(payload);
        if (statement.digest !== digest) problems.push(`a signature at ${digest} is about ${statement.digest}`);
        else if (!matches(statement.reference, this.#reference, requirement.identity))
          problems.push(`a signature is for ${JSON.stringify(statement.reference)} (${requirement.identity.type})`);
        else return digest;
      }
    }
    throw this.#refused(problems.length === 0 ? "the image has no signature" : problems.slice(0, 4).join("; "));
  }

  /** The kubelet knows the first word, and shows it as the pod's reason. */
  #refused(why: string): CribError {
    const scope = this.#scope === "" ? "for every registry" : `for ${this.#scope}`;
    return failedPrecondition(
      `SignatureValidationFailed: image ${formatReference(this.#reference)} is refused by the trust policy ${scope}: ${why}`,
    );
  }
}

/** What cosign has pushed beside an image: bytes that were signed, with their signatures. None where there is none. */
async function* signaturesOf(
  digest: Digest,
  from: ManifestSource,
  signal: AbortSignal,
): AsyncGenerator<{ readonly payload: Uint8Array; readonly signature: Uint8Array }> {
  let bytes: Uint8Array;
  try {
    ({ bytes } = await from.manifest({ tag: `${digest.replace(":", "-")}.sig` }, signal));
  } catch (error) {
    if (CribError.is(error, "not-found")) return;
    throw error;
  }
  const layers = parseForeignObject(bytes, `signatures of ${digest}`, plainDocument).objects("layers");
  if (layers.length > maxSignatures)
    throw failedPrecondition(`${digest} has ${layers.length} signatures, over ${maxSignatures}`);
  for (const layer of layers) {
    const [mediaType, blob, sizeBytes] = [layer.text("mediaType"), layer.text("digest"), layer.wholeNumber("size")];
    const signature = layer.object("annotations")?.textAt(signatureAnnotation) ?? "";
    if (mediaType !== signatureType || signature === "" || !isDigest(blob)) continue;
    if (sizeBytes === undefined || sizeBytes > maxPayloadBytes) continue;
    const payload = await readBlob({ mediaType, digest: blob, sizeBytes }, from, 0, signal);
    yield { payload, signature: Buffer.from(signature, "base64") };
  }
}

/** @throws {CribError} data-loss for what a key has signed that is no statement about an image. */
function statementOf(payload: Uint8Array): SignedStatement {
  const critical = parseForeignObject(payload, "signed statement", plainDocument).object("critical");
  const type = critical?.text("type") ?? "";
  if (type !== statementType)
    return { digest: `something of type ${JSON.stringify(type.slice(0, 80))}`, reference: "" };
  return {
    digest: critical?.object("image")?.text("docker-manifest-digest") ?? "",
    reference: critical?.object("identity")?.text("docker-reference") ?? "",
  };
}

/** Whether what was signed for is what is pulled, or what the policy wants in its place. */
function matches(signedFor: string, pulled: ImageReference, identity: SignedIdentity): boolean {
  const signed = parsed(signedFor);
  if (signed === undefined) return false;
  switch (identity.type) {
    case "matchRepository":
      return signed.repository === repositoryName(pulled);
    case "exactRepository":
      return signed.repository === parsed(identity.dockerRepository)?.repository;
    case "exactReference":
      return signed.exact !== undefined && signed.exact === parsed(identity.dockerReference)?.exact;
    case "matchExact":
      return signed.exact !== undefined && signed.exact === exactName(pulled);
    case "matchRepoDigestOrExact":
      return pulled.digest !== undefined
        ? signed.repository === repositoryName(pulled)
        : signed.exact !== undefined && signed.exact === exactName(pulled);
  }
}

function exactName(reference: ImageReference): string {
  const name = repositoryName(reference);
  return reference.digest === undefined ? `${name}:${reference.tag ?? "latest"}` : `${name}@${reference.digest}`;
}

/** `exact` is undefined for a name that says no tag and no digest, as cosign signs them: it stands for no one image. */
function parsed(text: string): { readonly repository: string; readonly exact: string | undefined } | undefined {
  try {
    const reference = parseReference(text);
    const isExact = text.includes("@") || text.slice(text.lastIndexOf("/")).includes(":");
    return { repository: repositoryName(reference), exact: isExact ? exactName(reference) : undefined };
  } catch (error) {
    if (!CribError.is(error)) throw error;
    return undefined;
  }
}

import { CribError, unavailable } from "../../errors/crib-error.ts";
import { type Digest, isDigest } from "../../ids/digest.ts";
import type { Log } from "../../observe/log.ts";
import type { RegistryCredentials, SecurityProfile, SecurityProfiles } from "../port.ts";
import { type ImageReference, parseReference } from "../registry/reference.ts";
import type { Repository } from "../registry/repository.ts";
import { checkProfile, type ProfileLayer, profileInvalid, readProfileManifest } from "./profile-artifact.ts";
import { hasDigest, type ProfileFiles, type StoredProfile } from "./profile-files.ts";

/** A kubelet sends the same reference at every sync; a thousand of one profile are a client's mistake. */
const maxRefs = 1000;

export type OpenRepository = (
  reference: ImageReference,
  credentials: RegistryCredentials | undefined,
) => Promise<Repository>;

/** Seccomp profiles from registries (KEP-6061). They are no images: nothing else lists, counts or collects them. */
export class PulledProfiles implements SecurityProfiles {
  readonly #files: ProfileFiles;
  readonly #open: OpenRepository;
  readonly #profiles = new Map<Digest, StoredProfile>();
  /** Pulls under way, by the digest of the manifest: a second one waits for the first. */
  readonly #pulls = new Map<Digest, Promise<StoredProfile>>();
  /** One change of the store after the other: what is kept of a profile is read, changed and written whole. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(files: ProfileFiles, openRepository: OpenRepository) {
    this.#files = files;
    this.#open = openRepository;
  }

  async load(log: Log): Promise<void> {
    for (const profile of await this.#files.load(log)) this.#profiles.set(profile.digest, profile);
  }

  async pull(
    text: string,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly cached: boolean }> {
    const reference = canonical(text);
    const present = this.#byManifest(reference.digest);
    if (present !== undefined) {
      await this.#remember({ ...present, refs: [text] });
      return { cached: true };
    }
    let pull = this.#pulls.get(reference.digest);
    if (pull === undefined) {
      pull = this.#fetch(reference, credentials, signal).finally(() => this.#pulls.delete(reference.digest));
      this.#pulls.set(reference.digest, pull);
    }
    await this.#remember({ ...(await pull), manifests: [reference.digest], refs: [text] });
    return { cached: false };
  }

  list(): readonly SecurityProfile[] {
    return [...this.#profiles.values()].map(({ digest, refs, text }) => ({
      digest,
      refs,
      sizeBytes: BigInt(Buffer.byteLength(text)),
    }));
  }

  async remove(digest: string): Promise<void> {
    if (!isDigest(digest)) return;
    await this.#change(async () => {
      if (!this.#profiles.delete(digest)) return;
      await this.#files.remove(digest);
    });
  }

  find(text: string): string | undefined {
    return this.#byManifest(canonical(text).digest)?.text;
  }

  #byManifest(digest: Digest): StoredProfile | undefined {
    for (const profile of this.#profiles.values()) if (profile.manifests.includes(digest)) return profile;
    return undefined;
  }

  /** Adds manifests and references to what is kept; writes only what is new. */
  async #remember(seen: StoredProfile): Promise<void> {
    await this.#change(async () => {
      const known = this.#profiles.get(seen.digest);
      const manifests = [...new Set([...(known?.manifests ?? []), ...seen.manifests])];
      const refs = [...new Set([...(known?.refs ?? []), ...seen.refs])].slice(-maxRefs);
      if (known?.manifests.length === manifests.length && seen.refs.every((ref) => known.refs.includes(ref))) return;
      const profile = { ...seen, manifests, refs };
      await this.#files.write(profile);
      this.#profiles.set(profile.digest, profile);
    });
  }

  async #change(work: () => Promise<void>): Promise<void> {
    const change = this.#changing.then(work, work);
    this.#changing = change;
    await change;
  }

  async #fetch(
    reference: ImageReference & { readonly digest: Digest },
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<StoredProfile> {
    const what = `security profile ${reference.digest}`;
    try {
      const repository = await this.#open(reference, credentials);
      const manifest = await repository.manifest({ digest: reference.digest }, signal);
      const layer = readProfileManifest(manifest, what);
      const text = await fetchText(repository, layer, what, signal);
      checkProfile(text, what);
      return { digest: layer.digest, text, manifests: [reference.digest], refs: [] };
    } catch (error) {
      if (!CribError.is(error, "unavailable")) throw error;
      throw unavailable(`RegistryUnavailable: ${error.message}`, error);
    }
  }
}

/** @throws {CribError} invalid-argument, saying SecurityProfileInvalid: what a tag means today is not what was reviewed. */
function canonical(text: string): ImageReference & { readonly digest: Digest } {
  let reference: ImageReference;
  try {
    reference = parseReference(text);
  } catch (error) {
    throw CribError.is(error) ? profileInvalid(error.message, error) : error;
  }
  const { digest } = reference;
  if (digest === undefined) throw profileInvalid(`${JSON.stringify(text.slice(0, 200))} names no digest`);
  return { ...reference, digest };
}

async function fetchText(
  repository: Repository,
  layer: ProfileLayer,
  what: string,
  signal: AbortSignal,
): Promise<string> {
  const body = await repository.blob(layer, 0, 0, signal);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body.pieces) {
    length += piece.length;
    if (length > layer.sizeBytes) break;
    parts.push(piece);
  }
  if (length < layer.sizeBytes) throw unavailable(`${what} broke off at byte ${length} of ${layer.sizeBytes}`);
  const bytes = Buffer.concat(parts);
  if (length > layer.sizeBytes || !hasDigest(bytes, layer.digest)) {
    throw new CribError("data-loss", `${what} from ${body.origin} is not the ${layer.digest} its manifest names`);
  }
  const text = bytes.toString("utf8");
  if (!hasDigest(text, layer.digest)) throw profileInvalid(`${what} is not text in UTF-8`);
  return text;
}

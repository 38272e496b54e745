import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { type Digest, isDigest } from "../../ids/digest.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import { digestedDocument, type ForeignRules } from "../../json/foreign-json.ts";
import { parseForeignObject } from "../../json/foreign-object.ts";
import type { Log } from "../../observe/log.ts";
import { maxProfileBytes } from "./profile-artifact.ts";

/** A profile as it is kept. */
export interface StoredProfile {
  /** Of the profile's own bytes. */
  readonly digest: Digest;
  readonly text: string;
  /** Of the manifests it came in: what references name. */
  readonly manifests: readonly Digest[];
  /** Every reference that was pulled and meant this. */
  readonly refs: readonly string[];
}

/** A file of ours: the profile, twice as long where every character is escaped, and its references. */
const fileRules: ForeignRules = Object.freeze({ ...digestedDocument, maxBytes: 8 * maxProfileBytes });

/** Profiles below one directory, a file each, whole or not there: written aside, synced, renamed. */
export class ProfileFiles {
  readonly #directory: HostPath;

  constructor(directory: HostPath) {
    this.#directory = directory;
  }

  /** All that are whole; what a crash left half written goes. */
  async load(log: Log): Promise<readonly StoredProfile[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const profiles: StoredProfile[] = [];
    for (const name of await readdir(this.#directory)) {
      const path = joinHostPath(this.#directory, name);
      const profile = name.endsWith(".json") ? parse(await readFile(path, "utf8")) : undefined;
      if (profile !== undefined && nameOf(profile.digest) === name) {
        profiles.push(profile);
        continue;
      }
      log.warn({ path }, "a file that is no security profile is removed");
      await rm(path, { force: true });
    }
    return profiles;
  }

  async write(profile: StoredProfile): Promise<void> {
    const aside = joinHostPath(this.#directory, `${nameOf(profile.digest)}.${crypto.randomUUID()}`);
    try {
      const file = await open(aside, "wx", 0o600);
      try {
        await file.writeFile(JSON.stringify(profile));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(aside, joinHostPath(this.#directory, nameOf(profile.digest)));
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
    await this.#sync();
  }

  async remove(digest: Digest): Promise<void> {
    await rm(joinHostPath(this.#directory, nameOf(digest)), { force: true });
    await this.#sync();
  }

  async #sync(): Promise<void> {
    const directory = await open(this.#directory, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

function nameOf(digest: Digest): string {
  return `${digest.replace(":", "-")}.json`;
}

function parse(text: string): StoredProfile | undefined {
  try {
    const fields = parseForeignObject(text, "security profile", fileRules);
    const digest = fields.text("digest");
    const profile = fields.text("text");
    const manifests = fields.texts("manifests");
    if (!isDigest(digest) || !manifests.every(isDigest) || !hasDigest(profile, digest)) return undefined;
    return { digest, text: profile, manifests, refs: fields.texts("refs") };
  } catch {
    return undefined;
  }
}

export function hasDigest(bytes: Uint8Array | string, digest: Digest): boolean {
  const algorithm = digest.slice(0, digest.indexOf(":"));
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` === digest;
}

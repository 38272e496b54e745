import { CribError, dataLoss, failedPrecondition } from "../../errors/crib-error.ts";
import { isFull } from "../../errors/is-full.ts";
import { type Digest, isDigest } from "../../ids/digest.ts";
import { digestedDocument } from "../../json/foreign-json.ts";
import type { TarEntry, TarSink } from "../../layers/tar/tar-entry.ts";
import { TarReader } from "../../layers/tar/tar-reader.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { NewBlob } from "../content/new-blob.ts";
import type { Pins } from "../content/pins.ts";
import type { RoomKeeper } from "../content/room-keeper.ts";
import { linkTarget, memberPath } from "./member-path.ts";

/** Layers are few; a directory of old `docker save` has four members for each. */
const maxMembers = 100_000;
const maxLinkHops = 8;

/** A member that is a blob of the store now. */
export interface StoredMember {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Its first bytes. */
  readonly start: Uint8Array;
}

/** What says which images are in an archive, by name. All else in it is theirs. */
const documentNames: ReadonlySet<string> = new Set(["index.json", "oci-layout", "manifest.json", "repositories"]);

type Step =
  | { readonly kind: "begin"; readonly entry: TarEntry }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "end" };

/**
 * An image archive on its way into the store: each file a blob by its digest, the few documents that say what is what in memory.
 * What came is pinned until this is disposed of; `strangers` are the blobs that were not here before.
 */
export class ReceivedArchive implements AsyncDisposable {
  readonly documents = new Map<string, Uint8Array>();
  readonly strangers: Digest[] = [];
  readonly #content: ContentStore;
  readonly #pins: Pins;
  readonly #members = new Map<string, StoredMember>();
  readonly #links = new Map<string, string>();
  readonly #held: Disposable[] = [];
  readonly #room: Pick<RoomKeeper, "ensure">;
  #open: { readonly path: string; readonly blob: NewBlob } | undefined;
  #document: { readonly path: string; readonly parts: Uint8Array[]; bytes: number } | undefined;

  constructor(content: ContentStore, pins: Pins, room: Pick<RoomKeeper, "ensure">) {
    this.#content = content;
    this.#pins = pins;
    this.#room = room;
  }

  /** Takes the whole archive. @throws {CribError} data-loss or failed-precondition for what it should not be. */
  async receive(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const steps: Step[] = [];
    const sink: TarSink = {
      begin: (entry) => void steps.push({ kind: "begin", entry }),
      data: (bytes) => void steps.push({ kind: "data", bytes }),
      hole: () => {
        throw failedPrecondition("the archive has a file with holes: pack it again without --sparse");
      },
      end: () => void steps.push({ kind: "end" }),
    };
    const reader = new TarReader(sink, maxMembers);
    for await (const piece of pieces) {
      pushed(() => reader.push(piece));
      for (const step of steps.splice(0)) await this.#take(step);
    }
    pushed(() => reader.finish());
  }

  /** The blob of a member, through links. */
  member(name: string): StoredMember | undefined {
    let path = memberPath(name);
    for (let hop = 0; hop <= maxLinkHops; hop++) {
      const found = this.#members.get(path);
      if (found !== undefined) return found;
      const next = this.#links.get(path);
      if (next === undefined) return undefined;
      path = next;
    }
    throw failedPrecondition(
      `the archive's ${JSON.stringify(name.slice(0, 200))} leads through more than ${maxLinkHops} links`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.blob[Symbol.asyncDispose]();
    for (const pin of this.#held) pin[Symbol.dispose]();
  }

  async #take(step: Step): Promise<void> {
    try {
      if (step.kind === "begin") await this.#begin(step.entry);
      else if (step.kind === "data") await this.#write(step.bytes);
      else await this.#end();
    } catch (error) {
      if (!isFull(error)) throw error;
      throw new CribError(
        "resource-exhausted",
        `no room for the archive on the file system of ${this.#content.directory}`,
        {
          cause: error,
        },
      );
    }
  }

  async #begin(entry: TarEntry): Promise<void> {
    const path = memberPath(entry.name);
    switch (entry.kind) {
      case "directory":
        return;
      case "symlink":
      case "hardlink":
        this.#links.set(path, linkTarget(path, entry.linkName, entry.kind));
        return;
      case "file":
        break;
      default:
        throw failedPrecondition(`the archive has a ${entry.kind} in it, which no image archive has`);
    }
    const expected = digestOfPath(path);
    if (expected === undefined && (this.#members.has(path) || this.documents.has(path)))
      throw dataLoss(`the archive has ${JSON.stringify(path.slice(0, 200))} twice`);
    if (documentNames.has(path)) {
      if (entry.sizeBytes > digestedDocument.maxBytes)
        throw failedPrecondition(
          `the archive's ${path} is ${entry.sizeBytes} bytes long, over ${digestedDocument.maxBytes}`,
        );
      this.#document = { path, parts: [], bytes: 0 };
      return;
    }
    // What `docker save` wrote beside each layer until version 25, and nobody reads.
    if (/^[0-9a-f]{64}\/(?:VERSION|json)$/.test(path)) return;
    await this.#room.ensure(0);
    const algorithm = expected?.startsWith("sha512:") === true ? "sha512" : "sha256";
    this.#open = { path, blob: await this.#content.create(algorithm) };
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#document !== undefined) {
      this.#document.parts.push(Uint8Array.from(bytes));
      this.#document.bytes += bytes.length;
      return;
    }
    if (this.#open === undefined) return;
    await this.#room.ensure(bytes.length);
    await this.#open.blob.write(bytes);
  }

  async #end(): Promise<void> {
    if (this.#document !== undefined) {
      this.documents.set(this.#document.path, new Uint8Array(Buffer.concat(this.#document.parts)));
      this.#document = undefined;
      return;
    }
    if (this.#open === undefined) return;
    await using blob = this.#open.blob;
    const { path } = this.#open;
    this.#open = undefined;
    const digest = blob.digest();
    const expected = digestOfPath(path);
    if (expected !== undefined && expected !== digest)
      throw dataLoss(`the archive is damaged: ${path} holds ${digest}`);
    this.#held.push(this.#pins.pin([digest]));
    if (!this.#content.blobs.has(digest)) this.strangers.push(digest);
    await this.#content.take(blob, digest);
    this.#members.set(path, { digest, sizeBytes: blob.size, start: blob.start });
  }
}

/** Of `blobs/sha256/…`, which is called what it holds. @throws {CribError} for a name there that is no digest. */
function digestOfPath(path: string): Digest | undefined {
  if (!path.startsWith("blobs/")) return undefined;
  const digest = path.slice("blobs/".length).replace("/", ":");
  if (!isDigest(digest))
    throw failedPrecondition(`the archive has a blob that is called ${JSON.stringify(path.slice(0, 200))}`);
  return digest;
}

/** The reader of layers is this archive's too: its errors are about another thing here. */
function pushed(push: () => void): void {
  try {
    push();
  } catch (error) {
    if (!CribError.is(error)) throw error;
    throw new CribError(error.code, error.message.replace(/^layer archive/, "the archive"), { cause: error });
  }
}

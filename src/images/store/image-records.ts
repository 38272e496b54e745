import type { Database } from "bun:sqlite";
import type { ChainId, DiffId, Digest, ImageId } from "../../ids/digest.ts";
import type { UnixNanos } from "../../ids/units.ts";
import { commitWithoutSync } from "../../state/commit-without-sync.ts";
import type { Reserve } from "../../state/reserve.ts";
import { databaseError } from "../../state/sqlite-failure.ts";

export interface BlobRecord {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly createdAtNs: UnixNanos;
}

export interface LayerRecord {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  readonly diskBytes: number;
  readonly inodes: number;
  readonly createdAtNs: UnixNanos;
}

export interface ImageRecord {
  readonly id: ImageId;
  readonly rawConfig: string;
  readonly sizeBytes: number;
  readonly pulledAtNs: UnixNanos;
  /** Removed while containers use it: unlisted, kept until the last of them lets go. */
  readonly removed: boolean;
  /** Bottom first. */
  readonly chainIds: readonly ChainId[];
  readonly contents: readonly Digest[];
}

export interface ReferenceRecord {
  /** `domain/path:tag` or `domain/path@digest`. */
  readonly reference: string;
  readonly imageId: ImageId;
  /** Of the manifest or index the reference stands for. */
  readonly targetDigest: Digest;
}

export interface HolderRecord {
  readonly holder: string;
  readonly imageId: ImageId;
}

/** Where each image is written down a second time. */
interface SecondPlace {
  put(image: ImageRecord, references: readonly ReferenceRecord[]): void;
  /** `held`: a container still uses the image. */
  remove(id: ImageId, held: boolean): void;
}

interface Everything {
  readonly blobs: readonly BlobRecord[];
  readonly layers: readonly LayerRecord[];
  readonly images: readonly ImageRecord[];
  readonly references: readonly ReferenceRecord[];
  readonly holders: readonly HolderRecord[];
}

/**
 * The image tables (schema.ts), row by row, and each image's file beside them. Every method is one transaction, on the disk
 * when it returns but for blobs and layers, which are found again by their files; what takes things away also works on a full disk, with the reserve.
 */
export class ImageRecords {
  readonly #database: Database;
  readonly #files: SecondPlace;
  readonly #room: Pick<Reserve, "insist">;

  constructor(database: Database, files: SecondPlace, room: Pick<Reserve, "insist">) {
    this.#database = database;
    this.#files = files;
    this.#room = room;
  }

  loadAll(): Everything {
    const rows = <Row>(sql: string): Row[] => this.#database.query(sql).all() as Row[];
    const chains = Map.groupBy(
      rows<{ image_id: string; chain_id: string }>(
        "SELECT image_id, chain_id FROM image_chains ORDER BY image_id, position",
      ),
      (row) => row.image_id,
    );
    const contents = Map.groupBy(
      rows<{ image_id: string; digest: string }>("SELECT image_id, digest FROM image_contents"),
      (row) => row.image_id,
    );
    return {
      blobs: rows<{ digest: string; size_bytes: number; created_at_ns: string }>("SELECT * FROM image_blobs").map(
        (row) => ({
          digest: row.digest as Digest,
          sizeBytes: Number(row.size_bytes),
          createdAtNs: BigInt(row.created_at_ns) as UnixNanos,
        }),
      ),
      layers: rows<{ chain_id: string; diff_id: string; disk_bytes: number; inodes: number; created_at_ns: string }>(
        "SELECT * FROM image_layers",
      ).map((row) => ({
        chainId: row.chain_id as ChainId,
        diffId: row.diff_id as DiffId,
        diskBytes: Number(row.disk_bytes),
        inodes: Number(row.inodes),
        createdAtNs: BigInt(row.created_at_ns) as UnixNanos,
      })),
      images: rows<{ id: string; raw_config: string; size_bytes: number; pulled_at_ns: string; removed: number }>(
        "SELECT * FROM images",
      ).map((row) => ({
        id: row.id as ImageId,
        rawConfig: row.raw_config,
        sizeBytes: Number(row.size_bytes),
        pulledAtNs: BigInt(row.pulled_at_ns) as UnixNanos,
        removed: Number(row.removed) !== 0,
        chainIds: (chains.get(row.id) ?? []).map((chain) => chain.chain_id as ChainId),
        contents: (contents.get(row.id) ?? []).map((content) => content.digest as Digest),
      })),
      references: rows<{ reference: string; image_id: string; target_digest: string }>(
        "SELECT * FROM image_references",
      ).map((row) => ({
        reference: row.reference,
        imageId: row.image_id as ImageId,
        targetDigest: row.target_digest as Digest,
      })),
      holders: rows<{ holder: string; image_id: string }>("SELECT * FROM image_holders").map((row) => ({
        holder: row.holder,
        imageId: row.image_id as ImageId,
      })),
    };
  }

  putBlob(blob: BlobRecord): void {
    this.#write(() =>
      commitWithoutSync(this.#database, () =>
        this.#run(
          "INSERT INTO image_blobs (digest, size_bytes, created_at_ns) VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET size_bytes = excluded.size_bytes",
          blob.digest,
          blob.sizeBytes,
          String(blob.createdAtNs),
        ),
      ),
    );
  }

  deleteBlob(digest: Digest): void {
    this.#free(() =>
      commitWithoutSync(this.#database, () => this.#run("DELETE FROM image_blobs WHERE digest = ?", digest)),
    );
  }

  putLayer(layer: LayerRecord): void {
    this.#write(() =>
      commitWithoutSync(this.#database, () =>
        this.#run(
          "INSERT INTO image_layers (chain_id, diff_id, disk_bytes, inodes, created_at_ns) VALUES (?, ?, ?, ?, ?) ON CONFLICT (chain_id) DO UPDATE SET disk_bytes = excluded.disk_bytes, inodes = excluded.inodes",
          layer.chainId,
          layer.diffId,
          layer.diskBytes,
          layer.inodes,
          String(layer.createdAtNs),
        ),
      ),
    );
  }

  deleteLayer(chainId: ChainId): void {
    this.#free(() =>
      commitWithoutSync(this.#database, () => this.#run("DELETE FROM image_layers WHERE chain_id = ?", chainId)),
    );
  }

  /** Writes the image and its references in one step: it appears whole or not at all. */
  putImage(image: ImageRecord, references: readonly ReferenceRecord[]): void {
    this.#write(() => {
      this.#files.put(image, references);
      this.#putRows(image, references);
    });
  }

  /** The rows alone: the image's file says so already. */
  restoreImage(image: ImageRecord, references: readonly ReferenceRecord[]): void {
    this.#write(() => this.#putRows(image, references));
  }

  deleteReference(reference: string): void {
    this.#free(() => this.#run("DELETE FROM image_references WHERE reference = ?", reference));
  }

  /** Takes the image's names; its row too unless containers still hold it. */
  removeImage(id: ImageId, held: boolean): void {
    this.#free(() => {
      this.#files.remove(id, held);
      this.#database.transaction(() => {
        this.#run("DELETE FROM image_references WHERE image_id = ?", id);
        if (held) this.#run("UPDATE images SET removed = 1 WHERE id = ?", id);
        else this.#run("DELETE FROM images WHERE id = ?", id);
      })();
    });
  }

  putHolder(holder: HolderRecord): void {
    this.#write(() =>
      commitWithoutSync(this.#database, () =>
        this.#run(
          "INSERT OR REPLACE INTO image_holders (holder, image_id) VALUES (?, ?)",
          holder.holder,
          holder.imageId,
        ),
      ),
    );
  }

  deleteHolder(holder: string): void {
    this.#free(() =>
      commitWithoutSync(this.#database, () => this.#run("DELETE FROM image_holders WHERE holder = ?", holder)),
    );
  }

  #putRows(image: ImageRecord, references: readonly ReferenceRecord[]): void {
    this.#database.transaction(() => {
      this.#run(
        "INSERT INTO images (id, raw_config, size_bytes, pulled_at_ns, removed) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET raw_config = excluded.raw_config, size_bytes = excluded.size_bytes, pulled_at_ns = excluded.pulled_at_ns, removed = excluded.removed",
        image.id,
        image.rawConfig,
        image.sizeBytes,
        String(image.pulledAtNs),
        image.removed ? 1 : 0,
      );
      image.chainIds.forEach((chainId, position) => {
        this.#run(
          "INSERT OR REPLACE INTO image_chains (image_id, position, chain_id) VALUES (?, ?, ?)",
          image.id,
          position,
          chainId,
        );
      });
      for (const digest of image.contents) {
        this.#run("INSERT OR IGNORE INTO image_contents (image_id, digest) VALUES (?, ?)", image.id, digest);
      }
      for (const { reference, imageId, targetDigest } of references) {
        this.#run(
          "INSERT OR REPLACE INTO image_references (reference, image_id, target_digest) VALUES (?, ?, ?)",
          reference,
          imageId,
          targetDigest,
        );
      }
    })();
  }

  /** @throws {CribError} resource-exhausted, unavailable or data-loss when the disk or the database refuses. */
  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw databaseError(error, this.#database.filename);
    }
  }

  /** What takes away must not fail because there is too much. */
  #free(write: () => void): void {
    this.#write(() => this.#room.insist(write));
  }

  #run(sql: string, ...values: (string | number)[]): void {
    this.#database.query(sql).run(...values);
  }
}

import type { Database } from "bun:sqlite";
import { failedPrecondition } from "../../errors/crib-error.ts";

/**
 * Tables of the image service, oldest first; entry N takes version N to N+1. Never edited once released.
 *
 * Rows say what is on the disk, whole and synced: a blob's row is written after its rename, a layer's after its syncfs and
 * rename, an image's after those of all its layers. Times are nanoseconds since the epoch, as text: they are over 2^53.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE image_blobs (
    digest TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    created_at_ns TEXT NOT NULL
  ) STRICT;
  CREATE TABLE image_layers (
    chain_id TEXT PRIMARY KEY,
    diff_id TEXT NOT NULL,
    disk_bytes INTEGER NOT NULL,
    inodes INTEGER NOT NULL,
    created_at_ns TEXT NOT NULL
  ) STRICT;
  CREATE TABLE images (
    id TEXT PRIMARY KEY,
    raw_config TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    pulled_at_ns TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE image_chains (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    chain_id TEXT NOT NULL REFERENCES image_layers (chain_id),
    PRIMARY KEY (image_id, position)
  ) STRICT;
  CREATE TABLE image_contents (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    digest TEXT NOT NULL REFERENCES image_blobs (digest),
    PRIMARY KEY (image_id, digest)
  ) STRICT;
  CREATE TABLE image_references (
    reference TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    target_digest TEXT NOT NULL
  ) STRICT;
  CREATE TABLE image_holders (
    holder TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id)
  ) STRICT;
  `,
  // No table changes. A layer may be an archive from here on, whose directory is a link that only a daemon that knows such layers
  // brings to life: an older crib must refuse the store instead of starting containers on links that lead nowhere.
  "SELECT 1",
];

/** Brings the image tables to this crib's version. @throws {CribError} failed-precondition for those of a newer one. */
export function migrateImages(database: Database): void {
  database.run(
    "CREATE TABLE IF NOT EXISTS image_schema (only INTEGER PRIMARY KEY CHECK (only = 1), version INTEGER NOT NULL)",
  );
  database.transaction(() => {
    const row = database.query("SELECT version FROM image_schema WHERE only = 1").get() as {
      version: number | bigint;
    } | null;
    const version = Number(row?.version ?? 0);
    if (version > migrations.length) {
      throw failedPrecondition(
        `the image tables have version ${version}, this crib knows ${migrations.length}: run the newer crib`,
      );
    }
    for (const step of migrations.slice(version)) database.run(step);
    database.run(
      "INSERT INTO image_schema (only, version) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET version = excluded.version",
      [migrations.length],
    );
  })();
}

import type { Database, Statement } from "bun:sqlite";
import { failedPrecondition } from "../errors/crib-error.ts";
import type { Log } from "../observe/log.ts";
import { commitWithoutSync } from "./commit-without-sync.ts";

/** How a kind of record is split into what is large and seldom changes (`document`) and the rest (`body`). */
export interface RecordCodec<Id extends string, Stored> {
  readonly table: string;
  /** Written into every row; a row with a higher number was made by a newer crib and is refused. */
  readonly version: number;
  id(record: Stored): Id;
  /** What `inGroup` finds records by; never changes for a record. */
  group(record: Stored): string;
  encodeDocument(record: Stored): Uint8Array;
  encodeBody(record: Stored): string;
  decode(id: Id, document: Uint8Array, body: string): Stored;
}

export interface PutOptions {
  /**
   * true: on the disk when `put` returns. false: safe against the death of the daemon, not of the machine; enough for all that
   * a reboot voids anyway (docs/decisions/0010-what-is-written-when.md).
   */
  readonly durable: boolean;
  /** The document changed too and is written again; it is otherwise written with the first `put` of an id only. */
  readonly document?: boolean;
}

/**
 * Records of one kind: a table in the database, mirrored in memory.
 *
 * Persist before publish: `put` returns after the row is committed, and only then do readers see the new record.
 * Records are frozen; a change is a new object, so readers never see half of one.
 */
export class RecordStore<Id extends string, Stored extends object> {
  readonly #codec: RecordCodec<Id, Stored>;
  readonly #records = new Map<Id, Stored>();
  readonly #groups = new Map<string, Set<Id>>();
  readonly #database: Database;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #delete: Statement;

  constructor(database: Database, codec: RecordCodec<Id, Stored>) {
    this.#codec = codec;
    this.#database = database;
    const table = codec.table;
    database.run(
      `CREATE TABLE IF NOT EXISTS ${table} (id TEXT PRIMARY KEY, version INTEGER NOT NULL, document BLOB NOT NULL, body TEXT NOT NULL) WITHOUT ROWID`,
    );
    this.#insert = database.query(`INSERT OR REPLACE INTO ${table} (id, version, document, body) VALUES (?, ?, ?, ?)`);
    this.#update = database.query(`UPDATE ${table} SET body = ?, version = ? WHERE id = ?`);
    this.#delete = database.query(`DELETE FROM ${table} WHERE id = ?`);
  }

  /** Reads every row; one that cannot be decoded is logged and left alone, it never blocks the others. */
  load(log: Log): void {
    const rows = this.#database.query(`SELECT id, version, document, body FROM ${this.#codec.table}`).all() as {
      readonly id: string;
      readonly version: number;
      readonly document: Uint8Array;
      readonly body: string;
    }[];
    for (const row of rows) {
      try {
        if (row.version > this.#codec.version) {
          throw failedPrecondition(
            `written by a newer crib (record version ${row.version}, known ${this.#codec.version})`,
          );
        }
        const id = row.id as Id;
        this.#publish(id, Object.freeze(this.#codec.decode(id, row.document, row.body)));
      } catch (error) {
        log.error({ table: this.#codec.table, id: row.id, error: String(error) }, "unreadable record left alone");
      }
    }
  }

  get(id: Id): Stored | undefined {
    return this.#records.get(id);
  }

  all(): readonly Stored[] {
    return [...this.#records.values()];
  }

  /** Records of one group, in the order they were first put. */
  inGroup(key: string): readonly Stored[] {
    const found: Stored[] = [];
    for (const id of this.#groups.get(key) ?? []) {
      const record = this.#records.get(id);
      if (record !== undefined) found.push(record);
    }
    return found;
  }

  get size(): number {
    return this.#records.size;
  }

  /** The ids that start with `prefix`, at most `limit`. */
  withPrefix(prefix: string, limit: number): readonly Id[] {
    const found: Id[] = [];
    for (const id of this.#records.keys()) {
      if (id.startsWith(prefix) && found.push(id) === limit) break;
    }
    return found;
  }

  put(record: Stored, options: PutOptions): Stored {
    const id = this.#codec.id(record);
    const body = this.#codec.encodeBody(record);
    this.#commit(options.durable, () => {
      if (this.#records.has(id) && options.document !== true) this.#update.run(body, this.#codec.version, id);
      else this.#insert.run(id, this.#codec.version, this.#codec.encodeDocument(record), body);
    });
    const frozen = Object.freeze(record);
    this.#publish(id, frozen);
    return frozen;
  }

  delete(id: Id): void {
    this.#commit(false, () => this.#delete.run(id));
    const record = this.#records.get(id);
    if (record === undefined) return;
    this.#records.delete(id);
    const key = this.#codec.group(record);
    const members = this.#groups.get(key);
    members?.delete(id);
    if (members?.size === 0) this.#groups.delete(key);
  }

  #publish(id: Id, record: Stored): void {
    this.#records.set(id, record);
    const key = this.#codec.group(record);
    const members = this.#groups.get(key);
    if (members === undefined) this.#groups.set(key, new Set([id]));
    else members.add(id);
  }

  #commit(durable: boolean, write: () => void): void {
    if (durable) write();
    else commitWithoutSync(this.#database, write);
  }
}

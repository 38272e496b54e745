import type { Database, Statement } from "bun:sqlite";
import { failedPrecondition } from "../errors/crib-error.ts";
import type { Log } from "../observe/log.ts";
import { commitWithoutSync } from "./commit-without-sync.ts";
import type { LateWrites } from "./late-writes.ts";
import type { RecordCodec } from "./record-codec.ts";
import type { JournaledRecord, RecordJournal } from "./record-journal.ts";
import type { Reserve } from "./reserve.ts";
import { databaseError } from "./sqlite-failure.ts";
import type { WriteBehind } from "./write-behind.ts";

export interface PutOptions {
  /**
   * true: on the disk when `put` returns. false: safe against the death of the daemon, not of the machine; enough for all that
   * a reboot voids anyway (docs/decisions/0010-what-is-written-when.md).
   */
  readonly durable: boolean;
  /** The document changed too and is written again; it is otherwise written with the first `put` of an id only. */
  readonly document?: boolean;
}

/** What keeps records when the database alone would lose them. */
export interface RecordSafety {
  /** Each record a second time, in its pod's state directory. */
  readonly journal: RecordJournal;
  /** What is safe in the journal, and in the database soon. */
  readonly behind: WriteBehind;
  /** What the database refused. */
  readonly late: LateWrites;
  /** Given up to write what has happened to a full disk. */
  readonly room: Reserve;
}

interface Row {
  readonly id: string;
  readonly version: number;
  readonly document: Uint8Array;
  readonly body: string;
}

/**
 * Records of one kind: a table in the database, mirrored in memory and in the state directories of pods.
 *
 * Persist before publish: `put` returns after the record is where it must be, and only then do readers see it: one that is to
 * be durable in the database; any other in its state directory, and in the database soon. Only what has happened to a record that
 * is there is published whatever either says: an exit cannot be refused. Its row is written when the database takes it again.
 *
 * Records are frozen; a change is a new object, so readers never see half of one.
 */
export class RecordStore<Id extends string, Stored extends object> {
  readonly #codec: RecordCodec<Id, Stored>;
  readonly #records = new Map<Id, Stored>();
  readonly #groups = new Map<string, Set<Id>>();
  /** On the disk, but not to be read by this crib. */
  readonly #unreadable = new Set<string>();
  /** Their row is missing or old. */
  readonly #unwritten = new Set<Id>();
  /** Perhaps there is a row of them. */
  readonly #rows = new Set<Id>();
  readonly #database: Database;
  readonly #safety: RecordSafety | undefined;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #delete: Statement;

  constructor(database: Database, codec: RecordCodec<Id, Stored>, safety?: RecordSafety) {
    this.#codec = codec;
    this.#database = database;
    this.#safety = safety;
    const table = codec.table;
    database.run(
      `CREATE TABLE IF NOT EXISTS ${table} (id TEXT PRIMARY KEY, version INTEGER NOT NULL, document BLOB NOT NULL, body TEXT NOT NULL) WITHOUT ROWID`,
    );
    this.#insert = database.query(`INSERT OR REPLACE INTO ${table} (id, version, document, body) VALUES (?, ?, ?, ?)`);
    this.#update = database.query(`UPDATE ${table} SET body = ?, version = ? WHERE id = ?`);
    this.#delete = database.query(`DELETE FROM ${table} WHERE id = ?`);
  }

  /**
   * Reads every record: of this boot from the state directories, which are never older than their rows, others from the
   * database; each is then in both. One that cannot be decoded is logged and left alone, it never blocks the others.
   */
  load(log: Log): void {
    const { table } = this.#codec;
    const rows = this.#database.query(`SELECT id, version, document, body FROM ${table}`).all() as readonly Row[];
    for (const { id } of rows) this.#rows.add(id as Id);
    const inDatabase = new Map(rows.map((row) => [row.id, row]));
    const journaled = new Map((this.#safety?.journal.load() ?? []).map((row) => [row.id, row]));
    for (const id of new Set([...inDatabase.keys(), ...journaled.keys()])) {
      const row = inDatabase.get(id);
      const file = journaled.get(id);
      const fresh = file?.bootId === this.#safety?.journal.bootId;
      // In the order they are to be believed.
      const sources = (fresh ? [file, row] : [row, file]).filter((source) => source !== undefined);
      const found = this.#firstReadable(sources, log);
      if (found === undefined) this.#unreadable.add(id);
      else this.#adopt(found.source, found.record, row, file, log);
    }
  }

  #firstReadable(sources: readonly Row[], log: Log): { readonly source: Row; readonly record: Stored } | undefined {
    for (const source of sources) {
      try {
        if (source.version > this.#codec.version) {
          throw failedPrecondition(
            `written by a newer crib (record version ${source.version}, known ${this.#codec.version})`,
          );
        }
        const record = Object.freeze(this.#codec.decode(source.id as Id, source.document, source.body));
        return { source, record };
      } catch (error) {
        log.error({ table: this.#codec.table, id: source.id, error: String(error) }, "unreadable record left alone");
      }
    }
    return undefined;
  }

  #adopt(source: Row, record: Stored, row: Row | undefined, file: JournaledRecord | undefined, log: Log): void {
    const id = source.id as Id;
    this.#publish(id, record);
    if (source !== row) {
      if (row === undefined)
        log.info({ table: this.#codec.table, id }, "a record was found in its state directory alone");
      if (row === undefined || row.body !== source.body) this.#writeBehind(id);
    }
    if (source !== file) this.#journal(id, record, true);
  }

  get(id: Id): Stored | undefined {
    return this.#records.get(id);
  }

  /** Whether there is a record of that id, be it one that this crib cannot read: what it speaks of is not to be swept. */
  isKnown(id: Id): boolean {
    return this.#records.has(id) || this.#unreadable.has(id);
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

  /**
   * @throws {CribError} resource-exhausted, unavailable or data-loss when a new record could not be written where it must be:
   * the database if it is to be durable, else at least its state directory. A change of one that is there never throws.
   */
  put(record: Stored, options: PutOptions): Stored {
    const id = this.#codec.id(record);
    const known = this.#records.has(id);
    const frozen = Object.freeze(record);
    const journaled = this.#journal(id, frozen, options.document === true);
    if (journaled && !options.durable) this.#writeBehind(id);
    else this.#writeNow(id, frozen, options, known, journaled);
    this.#publish(id, frozen);
    return frozen;
  }

  delete(id: Id): void {
    const record = this.#records.get(id);
    if (record !== undefined) this.#forget(id, record);
    this.#safety?.behind.cancel(this.#key(id));
    this.#unwritten.delete(id);
    if (!this.#rows.has(id)) return;
    try {
      this.#insist(() => this.#commit(false, () => this.#delete.run(id)));
      this.#rows.delete(id);
    } catch (error) {
      if (this.#safety === undefined) throw error;
      this.#later(id, error);
    }
  }

  #writeNow(id: Id, record: Stored, options: PutOptions, known: boolean, journaled: boolean): void {
    const whole = !known || options.document === true || this.#unwritten.has(id);
    const write = () => this.#commit(options.durable, () => this.#writeRow(id, record, whole));
    try {
      if (known) this.#insist(write);
      else write();
      this.#safety?.behind.cancel(this.#key(id));
    } catch (error) {
      if (this.#safety === undefined || (!known && (options.durable || !journaled))) {
        this.#safety?.journal.remove(this.#codec.group(record), id);
        throw databaseError(error, this.#database.filename);
      }
      this.#later(id, error);
    }
  }

  #forget(id: Id, record: Stored): void {
    this.#records.delete(id);
    const key = this.#codec.group(record);
    this.#safety?.journal.remove(key, id);
    const members = this.#groups.get(key);
    members?.delete(id);
    if (members?.size !== 0) return;
    this.#groups.delete(key);
    this.#safety?.journal.forgetPod(key);
  }

  #publish(id: Id, record: Stored): void {
    this.#records.set(id, record);
    const key = this.#codec.group(record);
    const members = this.#groups.get(key);
    if (members === undefined) this.#groups.set(key, new Set([id]));
    else members.add(id);
  }

  /** @returns whether all of the record is in its state directory. */
  #journal(id: Id, record: Stored, documentChanged: boolean): boolean {
    return (
      this.#safety?.journal.write(this.#codec.group(record), id, {
        version: this.#codec.version,
        body: this.#codec.encodeBody(record),
        document: () => this.#codec.encodeDocument(record),
        documentChanged,
      }) ?? false
    );
  }

  #writeRow(id: Id, record: Stored, whole: boolean): void {
    const { version } = this.#codec;
    const body = this.#codec.encodeBody(record);
    if (whole) this.#insert.run(id, version, this.#codec.encodeDocument(record), body);
    else this.#update.run(body, version, id);
    this.#rows.add(id);
    this.#unwritten.delete(id);
  }

  #writeBehind(id: Id): void {
    this.#unwritten.add(id);
    this.#safety?.behind.add(this.#key(id), {
      write: () => {
        const record = this.#records.get(id);
        if (record !== undefined) this.#writeRow(id, record, true);
      },
      refused: () => this.#writeAgain(id),
    });
  }

  /** Of a full disk the reserve is given up first. */
  #writeAgain(id: Id): void {
    const record = this.#records.get(id);
    if (record === undefined) return;
    this.#unwritten.add(id);
    try {
      this.#insist(() => this.#commit(false, () => this.#writeRow(id, record, true)));
    } catch (error) {
      this.#later(id, error);
    }
  }

  #key(id: Id): string {
    return `${this.#codec.table} ${id}`;
  }

  /** What is written late is what there is then. */
  #later(id: Id, error: unknown): void {
    this.#unwritten.add(id);
    // A row that was refused may be there all the same.
    this.#rows.add(id);
    this.#safety?.late.add(this.#key(id), error, () => {
      const record = this.#records.get(id);
      this.#insist(() => (record === undefined ? this.#delete.run(id) : this.#writeRow(id, record, true)));
      if (record === undefined) this.#rows.delete(id);
      this.#unwritten.delete(id);
    });
  }

  #insist(write: () => void): void {
    if (this.#safety === undefined) write();
    else this.#safety.room.insist(write);
  }

  #commit(durable: boolean, write: () => void): void {
    if (durable) write();
    else commitWithoutSync(this.#database, write);
  }
}

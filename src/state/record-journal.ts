import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { z } from "zod";
import { hasErrno } from "../errors/has-errno.ts";
import { isMissing } from "../errors/is-missing.ts";
import type { HostPath } from "../ids/path.ts";
import { joinHostPath, parseHostPath } from "../ids/path.ts";
import { replaceFile } from "../kernel/replace-file.ts";
import type { Log } from "../observe/log.ts";

/** A record as a state directory holds it. */
export interface JournaledRecord {
  readonly id: string;
  readonly version: number;
  readonly bootId: string;
  readonly document: Uint8Array;
  readonly body: string;
}

/** A record as it is to be written. */
export interface JournalEntry {
  readonly version: number;
  readonly body: string;
  document(): Uint8Array;
  /** false: written only where it is not there yet. */
  readonly documentChanged: boolean;
}

const idPattern = /^[0-9a-f]{64}$/;
const envelopeSchema = z.object({ version: z.int(), bootId: z.string(), body: z.string() });

/**
 * Records of one kind, each a second time beside the pod it speaks of: `<state>/pods/<pod>/records/<kind>-<id>.{document,body}`.
 *
 * Written before the row in the database, and taken away when it could not be: a file that is there is never older than its
 * row. The state directory is on a tmpfs, so this costs no disk; whoever loses the database finds everything that runs
 * (docs/decisions/0101-records-beside-their-pods.md).
 */
export class RecordJournal {
  readonly #pods: HostPath;
  readonly #kind: string;
  readonly #bootId: string;
  readonly #log: Log;
  readonly #made = new Set<string>();
  /** Records whose document is there. */
  readonly #whole = new Set<string>();

  constructor(state: HostPath, kind: string, bootId: string, log: Log) {
    this.#pods = joinHostPath(state, "pods");
    this.#kind = kind;
    this.#bootId = bootId;
    this.#log = log;
  }

  get bootId(): string {
    return this.#bootId;
  }

  /** @returns false when the state directory could not take it: nothing of it is there then. */
  write(pod: string, id: string, { version, body, document, documentChanged }: JournalEntry): boolean {
    const path = joinHostPath(this.#directory(pod), `${this.#kind}-${id}`);
    try {
      if (!this.#made.has(pod)) this.#makeDirectory(pod);
      if (documentChanged || !this.#whole.has(id)) replaceFile(parseHostPath(`${path}.document`), document(), 0o600);
      replaceFile(parseHostPath(`${path}.body`), JSON.stringify({ version, bootId: this.#bootId, body }), 0o600);
      this.#whole.add(id);
      return true;
    } catch (error) {
      this.#log.warn({ path, error: String(error) }, "a record is in the database alone");
      this.remove(pod, id);
      return false;
    }
  }

  remove(pod: string, id: string): void {
    this.#whole.delete(id);
    const path = joinHostPath(this.#directory(pod), `${this.#kind}-${id}`);
    for (const suffix of ["body", "document"]) {
      try {
        rmSync(`${path}.${suffix}`, { force: true });
      } catch (error) {
        this.#log.warn({ path, error: String(error) }, "a record stays in its state directory");
      }
    }
  }

  forgetPod(pod: string): void {
    this.#made.delete(pod);
  }

  /** Everything readable. What is not (cut short, foreign, a link) is told and left alone. */
  load(): readonly JournaledRecord[] {
    const found: JournaledRecord[] = [];
    for (const pod of list(this.#pods)) {
      if (!pod.isDirectory() || !idPattern.test(pod.name)) continue;
      for (const file of list(this.#directory(pod.name))) {
        if (!file.isFile() || !file.name.startsWith(`${this.#kind}-`) || !file.name.endsWith(".body")) continue;
        const id = file.name.slice(this.#kind.length + 1, -".body".length);
        if (!idPattern.test(id)) continue;
        const record = this.#read(pod.name, id);
        if (record === undefined) continue;
        this.#whole.add(id);
        found.push(record);
      }
    }
    return found;
  }

  #read(pod: string, id: string): JournaledRecord | undefined {
    const path = joinHostPath(this.#directory(pod), `${this.#kind}-${id}`);
    try {
      const envelope = envelopeSchema.parse(JSON.parse(readFileSync(`${path}.body`, "utf8")));
      return { id, ...envelope, document: readFileSync(`${path}.document`) };
    } catch (error) {
      this.#log.warn({ path, error: String(error) }, "a record in a state directory is unreadable");
      return undefined;
    }
  }

  #directory(pod: string): HostPath {
    return joinHostPath(this.#pods, pod, "records");
  }

  #makeDirectory(pod: string): void {
    try {
      mkdirSync(this.#directory(pod), { mode: 0o700 });
    } catch (error) {
      if (!hasErrno(error, "EEXIST")) throw error;
    }
    this.#made.add(pod);
  }
}

function list(directory: HostPath) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

import { stringify } from "smol-toml";
import { parseConfigFile } from "../../config/config-file.ts";
import { loadConfig } from "../../config/load-config.ts";
import { CribError } from "../../errors/crib-error.ts";
import { type ForeignTable, mergeTables } from "./foreign-document.ts";
import { HostsFile } from "./hosts-file.ts";

/** One setting of the other engine, and what becomes of it. */
export interface TakeoverRow {
  /** As the other engine has it. */
  readonly setting: string;
  readonly value: string;
  readonly outcome: "taken" | "not taken";
  /** Where crib has it now, or why it has it not. */
  readonly note: string;
}

const maxShown = 60;

/** What is taken over of another engine's configuration, piece by piece: what crib cannot use is told, and ends nothing. */
export class Takeover {
  readonly rows: TakeoverRow[] = [];
  readonly #hosts = new Map<string, HostsFile>();
  #settings: ForeignTable = {};

  /** Puts `settings` (as crib's file has them) over those so far, if crib understands them. @returns whether it does. */
  take(setting: string, value: unknown, settings: ForeignTable, note = keysOf(settings).join(", ")): boolean {
    const candidate = mergeTables(withoutLists(this.#settings, settings), settings);
    try {
      loadConfig({ files: [{ path: "what is taken over", text: stringify(candidate) }], flags: {} });
    } catch (error) {
      if (!CribError.is(error)) throw error;
      this.refuse(setting, value, error.message.replace(/^what is taken over: /, ""));
      return false;
    }
    this.#settings = candidate;
    this.accept(setting, value, note);
    return true;
  }

  /** What needs no setting of crib's own. */
  accept(setting: string, value: unknown, note: string): void {
    this.rows.push({ setting, value: shown(value), outcome: "taken", note });
  }

  refuse(setting: string, value: unknown, why: string): void {
    this.rows.push({ setting, value: shown(value), outcome: "not taken", note: why });
  }

  /** What is to be known of a registry, made on first use. */
  registry(host: string): HostsFile {
    const file = this.#hosts.get(host) ?? new HostsFile(host);
    this.#hosts.set(host, file);
    return file;
  }

  get hosts(): readonly HostsFile[] {
    return [...this.#hosts.values()].filter((file) => !file.empty);
  }

  /** As a file of crib's; "" when there is nothing to say. */
  get text(): string {
    const text = Object.keys(this.#settings).length === 0 ? "" : stringify(this.#settings);
    if (text !== "") parseConfigFile("what is taken over", text);
    return text;
  }
}

/** A list replaces the one before it, as in crib's own files. */
function withoutLists(earlier: ForeignTable, later: ForeignTable): ForeignTable {
  return Object.fromEntries(
    Object.entries(earlier).flatMap(([name, value]) => {
      const over = Object.hasOwn(later, name) ? later[name] : undefined;
      if (Array.isArray(over)) return [];
      const isInner = typeof value === "object" && value !== null && !Array.isArray(value);
      if (isInner && typeof over === "object" && over !== null)
        return [[name, withoutLists(value as ForeignTable, over as ForeignTable)]];
      return [[name, value]];
    }),
  );
}

function keysOf(table: ForeignTable, depth = 3): readonly string[] {
  return Object.entries(table).flatMap(([name, value]) =>
    depth > 1 && typeof value === "object" && value !== null && !Array.isArray(value)
      ? keysOf(value as ForeignTable, depth - 1).map((inner) => `${name}.${inner}`)
      : [name],
  );
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length <= maxShown ? text : `${text.slice(0, maxShown - 1)}…`;
}

import type { Config } from "../../config/config.ts";
import type { ReloadedSetting } from "../../config/reloaded-setting.ts";
import type { RunningConfig } from "../../config/running-config.ts";
import { changedSettings, type Setting, type SettingTaker, withSettings } from "../../config/settings.ts";
import type { Log } from "../../observe/log.ts";

/**
 * Makes ready what a part needs for a new configuration; nothing is changed yet, and one part that throws refuses it all. What is
 * returned takes it over.
 */
export type ReloadPart = (next: Config) => Promise<TakeOver> | TakeOver;
export type TakeOver = () => Promise<void> | void;

/** Those who have to be told; who reads settings where they are used does not. */
export type ReloadParts = Readonly<Record<Exclude<SettingTaker, "reader" | "restart">, ReloadPart>>;

/** The configuration read again while the daemon runs (SIGHUP, `crib config reload`): what changed, and who is told of it. */
export class ConfigReload {
  readonly #running: RunningConfig;
  readonly #read: () => Config;
  readonly #parts: ReloadParts;
  readonly #log: Log;
  #last: Promise<unknown> = Promise.resolve();

  constructor(running: RunningConfig, read: () => Config, parts: ReloadParts, log: Log) {
    this.#running = running;
    this.#read = read;
    this.#parts = parts;
    this.#log = log;
  }

  /**
   * One after the other, each with the files as they are when it begins.
   *
   * @throws {CribError} invalid-argument when the configuration cannot be used: what holds goes on to hold, whole.
   */
  run(): Promise<readonly ReloadedSetting[]> {
    const turn = this.#last.then(() => this.#reload());
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #reload(): Promise<readonly ReloadedSetting[]> {
    try {
      return await this.#takeOver(this.#read());
    } catch (error) {
      this.#log.error({ error: String(error) }, "configuration not reloaded: what was read before holds");
      throw error;
    }
  }

  async #takeOver(read: Config): Promise<readonly ReloadedSetting[]> {
    const before = this.#running.now;
    const changed = changedSettings(before, read);
    const waiting = changed.filter(({ takenBy }) => takenBy === "restart");
    const next = withSettings(read, before, waiting);
    const told = await this.#prepare(next, changed);
    this.#running.replace(next);
    const outcomes = new Map<Setting, ReloadedSetting>(
      changed.map((setting) => [setting, { key: setting.key, outcome: outcomeOf(setting), why: "" }]),
    );
    for (const { settings, takeOver } of told) {
      try {
        await takeOver();
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        for (const setting of settings) outcomes.set(setting, { key: setting.key, outcome: "failed", why });
        this.#running.replace(withSettings(this.#running.now, before, settings));
      }
    }
    const results = [...outcomes.values()];
    this.#tell(results);
    return results;
  }

  async #prepare(next: Config, changed: readonly Setting[]) {
    const told: { readonly settings: readonly Setting[]; readonly takeOver: TakeOver }[] = [];
    for (const [taker, part] of Object.entries(this.#parts)) {
      const settings = changed.filter(({ takenBy }) => takenBy === taker);
      if (settings.length > 0) told.push({ settings, takeOver: await part(next) });
    }
    return told;
  }

  #tell(results: readonly ReloadedSetting[]): void {
    const keys = (wanted: ReloadedSetting["outcome"]) =>
      results.filter(({ outcome }) => outcome === wanted).map(({ key }) => key);
    const waiting = keys("needs-restart");
    const restart = waiting.length === 0 ? "" : `; needs a restart: ${waiting.join(", ")}`;
    this.#log.info({ applied: keys("applied") }, `configuration reloaded${restart}`);
    for (const { key, why } of results.filter(({ outcome }) => outcome === "failed")) {
      this.#log.error({ key, why }, "a changed setting could not be taken over: the former one holds");
    }
  }
}

function outcomeOf({ takenBy }: Setting): ReloadedSetting["outcome"] {
  return takenBy === "restart" ? "needs-restart" : "applied";
}

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../observe/log.ts";
import { findApparmorParser, loadApparmorProfile } from "./apparmor-parser.ts";
import { appArmorProfileText, defaultAppArmorProfile, type ProfileText } from "./apparmor-profile.ts";

/** Whether the profile can be named to the kernel now, and if not, why; the reason is for people. */
export type ProfileAvailability =
  | { readonly loaded: true }
  | { readonly loaded: false; readonly cause: "not-enabled" | "off" | "no-parser" | "failed"; readonly reason: string };

export interface DefaultAppArmorOptions {
  /** The kernel confines by AppArmor profiles. */
  readonly enabled: boolean;
  /** The configuration's word. */
  readonly wanted: boolean;
  readonly log: Log;
  /** "/" but in tests. */
  readonly hostRoot?: string;
}

/**
 * The profile that crib brings, loaded when it is needed and not there. Several daemons share it, and none loads the
 * text that the kernel already has.
 */
export class DefaultAppArmor {
  readonly #options: DefaultAppArmorOptions;
  readonly #root: string;
  readonly #profile: ProfileText;
  #loading: Promise<ProfileAvailability> | undefined;
  #warned = false;

  constructor(options: DefaultAppArmorOptions) {
    this.#options = options;
    this.#root = options.hostRoot ?? "/";
    this.#profile = appArmorProfileText({
      ownLabel: this.#ownLabel(),
      abi: existsSync(join(this.#root, "etc/apparmor.d/abi/3.0")),
    });
  }

  /** Loads the profile unless the kernel has it. Never rejects; the first failure is logged as a warning. */
  async ensure(): Promise<ProfileAvailability> {
    const { enabled, wanted, log } = this.#options;
    if (!enabled) {
      return { loaded: false, cause: "not-enabled", reason: "AppArmor is not enabled on this host" };
    }
    if (!wanted) {
      return { loaded: false, cause: "off", reason: "runtime.apparmor_default_profile is false in the configuration" };
    }
    if (this.#kernelHasIt()) return { loaded: true };
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    const availability = await this.#loading;
    if (!availability.loaded && !this.#warned) {
      this.#warned = true;
      log.warn({ reason: availability.reason }, "containers that name no AppArmor profile run unconfined");
    }
    return availability;
  }

  async #load(): Promise<ProfileAvailability> {
    const parser = findApparmorParser(this.#root);
    if (parser === undefined) {
      const reason = "there is no apparmor_parser to load it with: install the package apparmor";
      return { loaded: false, cause: "no-parser", reason };
    }
    const refusal = await loadApparmorProfile(parser, this.#profile.text);
    if (refusal !== undefined) return { loaded: false, cause: "failed", reason: `${parser}: ${refusal}` };
    if (!this.#kernelHasIt()) {
      return { loaded: false, cause: "failed", reason: `${parser} loaded it, and the kernel does not list it` };
    }
    this.#options.log.info({ profile: defaultAppArmorProfile }, "AppArmor profile loaded");
    return { loaded: true };
  }

  /** Lines are `name (mode)`. A host may have a profile set to complain: that is its administrator's word. */
  #kernelHasIt(): boolean {
    const profiles = readIfThere(join(this.#root, "sys/kernel/security/apparmor/profiles")) ?? "";
    return profiles.split("\n").some((line) => line.startsWith(`${this.#profile.marker} (`));
  }

  /** `label (mode)`, or `unconfined` alone. */
  #ownLabel(): string {
    const label = readIfThere(join(this.#root, "proc/self/attr/apparmor/current")) ?? "";
    return label.trim().replace(/ \([a-z]+\)$/, "") || "unconfined";
  }
}

/** A kernel that does not show the file, for whatever reason, has nothing in it for us. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

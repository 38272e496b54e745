import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import type { SandboxId } from "../ids/object-id.ts";
import { parseSandboxId } from "../ids/object-id.ts";
import type { CgroupPath, HostPath } from "../ids/path.ts";
import { joinHostPath } from "../ids/path.ts";
import { replaceFile } from "../kernel/replace-file.ts";
import type { PodNetworkRequest } from "../network/port.ts";
import type { Log } from "../observe/log.ts";
import { parseWithBigints, stringifyWithBigints } from "./json-bigint.ts";

/** What `runSandbox` is about to make and its undoing needs to know. */
export interface SandboxIntent {
  readonly id: SandboxId;
  readonly directory: HostPath;
  readonly cgroup: CgroupPath;
  readonly ownsCgroup: boolean;
  readonly networkRequest: PodNetworkRequest | undefined;
}

/**
 * Intents of sandboxes being made, one file each below `<state>/intents`.
 *
 * They live on the tmpfs of the state directory, not in the database: everything they speak of (namespaces, cgroups,
 * links, mounts, processes) dies with the machine as they do, so no intent needs the disk. Rename makes each one whole.
 */
export class SandboxIntents {
  readonly #directory: HostPath;

  constructor(state: HostPath) {
    this.#directory = joinHostPath(state, "intents");
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  write(intent: SandboxIntent): void {
    const path = joinHostPath(this.#directory, intent.id);
    replaceFile(path, stringifyWithBigints(intent), 0o600);
  }

  clear(id: SandboxId): void {
    rmSync(joinHostPath(this.#directory, id), { force: true });
  }

  /** Intents left by a daemon that died; an unreadable one is logged and dropped. */
  open(log: Log): readonly SandboxIntent[] {
    const intents: SandboxIntent[] = [];
    for (const name of readdirSync(this.#directory)) {
      const path = joinHostPath(this.#directory, name);
      try {
        parseSandboxId(name);
        intents.push(parseWithBigints(readFileSync(path, "utf8")) as SandboxIntent);
      } catch (error) {
        log.warn({ path, error: String(error) }, "dropping an unfinished intent");
        rmSync(path, { force: true });
      }
    }
    return intents;
  }
}

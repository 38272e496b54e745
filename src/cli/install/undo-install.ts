import { existsSync, lstatSync, readlinkSync, renameSync, rmSync } from "node:fs";
import { posix } from "node:path";
import { joinHostPath } from "../../ids/path.ts";
import { formerOf, type InstallOptions, isSame, sha256Of } from "./apply-install.ts";
import type { PlannedFile } from "./install-plan.ts";

/** `kept`: an administrator's, or what runs now. */
export type UndoAction = "removed" | "restored" | "kept";

export interface UndoneFile {
  readonly path: string;
  readonly action: UndoAction;
}

/** `systemctl enable` makes it; without its unit it would be named as broken at each boot. */
const wants = "/etc/systemd/system/multi-user.target.wants/crib.service";

/**
 * Takes an installation back, whatever part of it is there: what an administrator had is restored, what is as it was installed is removed,
 * what was changed since is kept. The executable stays: it is what runs.
 */
export function undoInstall(
  plan: readonly PlannedFile[],
  { prefix, dryRun }: Pick<InstallOptions, "prefix" | "dryRun">,
): readonly UndoneFile[] {
  const files = plan
    .filter(({ content }) => content.kind === "text")
    .toReversed()
    .flatMap((file) => undoFile(file, joinHostPath(prefix, file.path.slice(1)), dryRun));
  return [...files, ...removeWants(joinHostPath(prefix, wants.slice(1)), dryRun)];
}

function undoFile(file: PlannedFile, path: string, dryRun: boolean): readonly UndoneFile[] {
  const former = formerOf(path);
  if (existsSync(former)) {
    if (!dryRun) renameSync(former, path);
    return [{ path, action: "restored" }];
  }
  if (!existsSync(path)) return [];
  const isOurs = file.ownership === "ours" || isSame(file, path) || file.formerly.includes(sha256Of(path));
  if (!isOurs) return [{ path, action: "kept" }];
  if (!dryRun) rmSync(path, { force: true });
  return [{ path, action: "removed" }];
}

function removeWants(path: string, dryRun: boolean): readonly UndoneFile[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink() !== true || posix.basename(readlinkSync(path)) !== "crib.service") return [];
  if (!dryRun) rmSync(path, { force: true });
  return [{ path, action: "removed" }];
}

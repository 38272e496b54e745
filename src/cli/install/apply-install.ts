import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import { makeDirectories } from "../../kernel/exact-modes.ts";
import type { PlannedFile } from "./install-plan.ts";

export interface InstallOptions {
  readonly prefix: HostPath;
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** `kept`: an administrator's file that differs, left as it is. */
export type InstallAction = "created" | "replaced" | "unchanged" | "kept";

export interface InstalledFile {
  readonly path: string;
  readonly action: InstallAction;
}

/** Writes each file aside and renames it into place, so that a running crib or a crash never meets half of one. */
export function applyInstall(plan: readonly PlannedFile[], options: InstallOptions): readonly InstalledFile[] {
  return plan.map((file) => {
    const path = joinHostPath(options.prefix, file.path.slice(1));
    const action = actionFor(file, path, options.force);
    if (!options.dryRun && (action === "created" || action === "replaced")) put(file, path);
    return { path, action };
  });
}

function actionFor(file: PlannedFile, path: string, force: boolean): InstallAction {
  if (!existsSync(path)) return "created";
  if (isSame(file, path)) return "unchanged";
  const isTheirs = file.ownership === "config" && !file.formerly.includes(sha256Of(path));
  return isTheirs && !force ? "kept" : "replaced";
}

function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function isSame({ content }: PlannedFile, path: string): boolean {
  switch (content.kind) {
    case "text":
      return readFileSync(path, "utf8") === content.text;
    case "copy":
      return (
        realpathSync(path) === realpathSync(content.source) || readFileSync(path).equals(readFileSync(content.source))
      );
  }
}

function put({ content, mode }: PlannedFile, path: string): void {
  makeDirectories(dirname(path), 0o755);
  const aside = `${path}.crib-new`;
  try {
    switch (content.kind) {
      case "text":
        writeFileSync(aside, content.text);
        break;
      case "copy":
        copyFileSync(content.source, aside);
        break;
    }
    chmodSync(aside, mode);
    renameSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}

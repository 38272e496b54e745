import { failedPrecondition } from "../../errors/crib-error.ts";
import type { FileCalls } from "../../kernel/port.ts";
import { type CopyOptions, type CopyReport, TreeCopier } from "./copy-tree.ts";
import { openIfDirectory, openParent, type Place, splitPath } from "./place.ts";

/**
 * Copies as cp -r and docker cp do: into `to` when it is a directory, else to that name; `FROM/.` copies what is in FROM.
 *
 * @throws {CribError} failed-precondition when `to` ends in a slash and is no directory.
 */
export function copyPlace(kernel: FileCalls, from: Place, to: Place, options: CopyOptions): CopyReport {
  const copier = new TreeCopier(kernel, options);
  using target = openIfDirectory(kernel, to);
  if (target === undefined && to.path.endsWith("/"))
    throw failedPrecondition(`${to.shown} is no directory: make it first`);

  if (splitPath(from.path).name === ".") {
    using source = openIfDirectory(kernel, from);
    if (source === undefined) throw failedPrecondition(`${from.shown} is no directory: leave out the "/."`);
    if (target !== undefined) {
      copier.copyContents(source.fd, target.fd, from.shown);
      return copier.report;
    }
    using into = openParent(kernel, to);
    kernel.mkdirat(into.directory, into.name, 0o755);
    using made = openIfDirectory(kernel, to);
    if (made === undefined) return copier.report;
    kernel.fchmod(made.fd, 0o755);
    copier.copyContents(source.fd, made.fd, from.shown);
    return copier.report;
  }

  using source = openParent(kernel, from);
  if (target !== undefined) {
    copier.copy(source.directory, source.name, target.fd, source.name, from.shown);
    return copier.report;
  }
  using into = openParent(kernel, to);
  copier.copy(source.directory, source.name, into.directory, into.name, from.shown);
  return copier.report;
}

import type { CgroupFiles } from "../files/cgroup-files.ts";

/**
 * Lets the children of `directory` have `wanted` controllers: each must be named in cgroup.subtree_control of every group
 * from the root down. The usual case, all of them already on, is one read. A controller the hierarchy does not have is left
 * out; the limit that needs it fails on its own, naming its file.
 */
export function enableControllers(
  files: CgroupFiles,
  root: string,
  directory: string,
  wanted: ReadonlySet<string>,
): void {
  if (wanted.size === 0 || missingFrom(files, `${directory}/cgroup.subtree_control`, wanted).length === 0) return;
  const available = new Set(words(files.read(`${root}/cgroup.controllers`)));
  const names = directory
    .slice(root.length)
    .split("/")
    .filter((name) => name !== "");
  for (let depth = 0; depth <= names.length; depth++) {
    const path = [root, ...names.slice(0, depth)].join("/");
    const missing = missingFrom(files, `${path}/cgroup.subtree_control`, wanted).filter((name) => available.has(name));
    if (missing.length > 0) files.write(`${path}/cgroup.subtree_control`, missing.map((name) => `+${name}`).join(" "));
  }
}

function missingFrom(files: CgroupFiles, path: string, wanted: ReadonlySet<string>): readonly string[] {
  const enabled = new Set(words(files.read(path)));
  return [...wanted].filter((name) => !enabled.has(name));
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

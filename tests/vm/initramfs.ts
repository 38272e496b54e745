import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type CpioEntry, cpio } from "./cpio.ts";
import type { GuestKernel } from "./kernel-package.ts";

/** What it takes to see the root: in this order, and not at all where the kernel has it built in. */
const modules = [
  "virtio_ring",
  "virtio",
  "virtio_pci_legacy_dev",
  "virtio_pci_modern_dev",
  "virtio_pci",
  "fuse",
  "virtiofs",
  "overlay",
] as const;

const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;
const FILE = 0o100644;

/** The first root: busybox, a script, and the modules to mount the second. */
export async function initramfs(kernel: GuestKernel): Promise<Uint8Array> {
  const busybox = Bun.which("busybox");
  if (busybox === null) throw new Error("no busybox on PATH: apt-get install busybox-static");
  const directories = ["bin", "proc", "modules", "lower", "writable", "root"];
  const empty = new Uint8Array();
  const entries: CpioEntry[] = directories.map((name) => ({ name, mode: DIRECTORY, content: empty }));
  entries.push({ name: "bin/busybox", mode: PROGRAM, content: readFileSync(busybox) });
  entries.push({ name: "init", mode: PROGRAM, content: readFileSync(join(import.meta.dir, "guest/first-root.sh")) });
  for (const [index, path] of modulePaths(kernel).entries()) {
    // Their order is in their names: the script takes them as the shell sorts them.
    const name = `modules/${index}-${basename(path).replace(/\.xz$/, "")}`;
    entries.push({ name, mode: FILE, content: await moduleBytes(path) });
  }
  return Bun.gzipSync(new Uint8Array(cpio(entries)), { level: 1 });
}

function modulePaths(kernel: GuestKernel): readonly string[] {
  const files = readdirSync(kernel.modules, { recursive: true, encoding: "utf8" });
  return modules.flatMap((name) => {
    const found = files.find((file) => [`${name}.ko`, `${name}.ko.xz`].includes(basename(file)));
    return found === undefined ? [] : [join(kernel.modules, found)];
  });
}

async function moduleBytes(path: string): Promise<Uint8Array> {
  if (!path.endsWith(".xz")) return readFileSync(path);
  const child = Bun.spawn(["xz", "-dc", path], { stdout: "pipe", stderr: "inherit" });
  const bytes = new Uint8Array(await new Response(child.stdout).arrayBuffer());
  if ((await child.exited) !== 0) throw new Error(`xz -dc ${path} failed`);
  return bytes;
}

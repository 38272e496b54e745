import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildDir } from "../../scripts/build/paths.ts";
import { run } from "../../scripts/build/run.ts";

/** A Debian kernel, unpacked and never installed. */
export interface GuestKernel {
  readonly release: string;
  readonly image: string;
  /** `/lib/modules/RELEASE` of the package, with the indexes modprobe reads. */
  readonly modules: string;
}

const cache = join(buildDir, "vm");

/**
 * Downloads a Debian package and unpacks it below build/, once.
 *
 * @returns the directory with its files.
 * @throws {Error} with what apt-get or dpkg-deb said: a test that cannot have its kernel fails.
 */
export async function unpackedPackage(name: string): Promise<string> {
  const unpacked = join(cache, name);
  if (existsSync(unpacked)) return unpacked;
  const aside = join(cache, `${name}.new`);
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(join(aside, "deb"), { recursive: true });
  await run(["apt-get", "-qq", "download", await newestOf(name)], { cwd: join(aside, "deb") });
  const [archive] = readdirSync(join(aside, "deb"));
  if (archive === undefined) throw new Error(`apt-get download ${name} left no archive`);
  await run(["dpkg-deb", "-x", join(aside, "deb", archive), aside]);
  rmSync(join(aside, "deb"), { recursive: true });
  if (existsSync(join(aside, "boot"))) await run(["depmod", "-b", aside, releaseIn(aside)]);
  renameSync(aside, unpacked);
  return unpacked;
}

export async function guestKernel(name: string): Promise<GuestKernel> {
  const unpacked = await unpackedPackage(name);
  const release = releaseIn(unpacked);
  return {
    release,
    image: join(unpacked, "boot", `vmlinuz-${release}`),
    modules: join(unpacked, "lib/modules", release),
  };
}

/** A meta package such as linux-image-cloud-amd64 holds nothing but the name of the kernel of the day. */
async function newestOf(name: string): Promise<string> {
  const { stdout } = await run(["apt-cache", "depends", name]);
  const dependency = /^\s*Depends: (linux-image-\S+)$/m.exec(stdout)?.[1];
  return name.startsWith("linux-image-") && dependency !== undefined ? dependency : name;
}

function releaseIn(unpacked: string): string {
  const [release] = readdirSync(join(unpacked, "lib/modules"));
  if (release === undefined) throw new Error(`${unpacked} holds no kernel`);
  return release;
}

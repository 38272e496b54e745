import { existsSync } from "node:fs";
import { run } from "./run.ts";

const debianPackages = { gcc: "gcc", "musl-gcc": "musl-tools", strip: "binutils" } as const;

/** Where Debian and its relatives, then Fedora and its relatives, keep static libraries. */
function findLibrary(name: string, triplet: string): string | undefined {
  const places = [`/usr/lib/${triplet}`, "/usr/lib64", "/usr/lib"];
  return places.map((place) => `${place}/${name}`).find((path) => existsSync(path));
}

export interface Toolchain {
  /** Versions of everything that shapes the output, as one string for the stamp. */
  readonly versions: string;
  readonly libseccomp: string;
  readonly libzstd: string;
  /** `x86_64-linux-gnu` */
  readonly triplet: string;
}

/** @throws {Error} naming every missing tool and the command that installs it. */
export async function findToolchain(): Promise<Toolchain> {
  const missing = Object.entries(debianPackages).filter(([tool]) => Bun.which(tool) === null);
  const triplet = missing.length === 0 ? (await run(["gcc", "-dumpmachine"])).stdout.trim() : "";
  const libseccomp = findLibrary("libseccomp.a", triplet);
  const libzstd = findLibrary("libzstd.a", triplet);
  const packages = missing.map(([, name]): string => name);
  if (libseccomp === undefined) packages.push("libseccomp-dev");
  if (libzstd === undefined) packages.push("libzstd-dev");
  if (libseccomp === undefined || libzstd === undefined || packages.length > 0) {
    throw new Error(
      `the build needs Debian packages that are not there: node scripts/setup.mjs build, or apt-get install ${packages.join(" ")}`,
    );
  }
  const [gcc, musl] = await Promise.all([run(["gcc", "--version"]), run(["musl-gcc", "--version"])]);
  return { versions: `${gcc.stdout}${musl.stdout}bun ${Bun.version}`, libseccomp, libzstd, triplet };
}

import { existsSync } from "node:fs";
import { run } from "./run.ts";

const debianPackages = { gcc: "gcc", "musl-gcc": "musl-tools", strip: "binutils" } as const;

/** Where Debian and its relatives, then Fedora and its relatives, keep the static library. */
const libseccompPlaces = (triplet: string): readonly string[] => [
  `/usr/lib/${triplet}/libseccomp.a`,
  "/usr/lib64/libseccomp.a",
  "/usr/lib/libseccomp.a",
];

export interface Toolchain {
  /** Versions of everything that shapes the output, as one string for the stamp. */
  readonly versions: string;
  readonly libseccomp: string;
  /** `x86_64-linux-gnu` */
  readonly triplet: string;
}

/** @throws {Error} naming every missing tool and the command that installs it. */
export async function findToolchain(): Promise<Toolchain> {
  const missing = Object.entries(debianPackages).filter(([tool]) => Bun.which(tool) === null);
  const triplet = missing.length === 0 ? (await run(["gcc", "-dumpmachine"])).stdout.trim() : "";
  const libseccomp = libseccompPlaces(triplet).find((path) => existsSync(path));
  const packages = missing.map(([, name]): string => name);
  if (libseccomp === undefined) packages.push("libseccomp-dev");
  if (libseccomp === undefined || packages.length > 0) {
    throw new Error(
      `the build needs Debian packages that are not there: node scripts/setup.mjs build, or apt-get install ${packages.join(" ")}`,
    );
  }
  const [gcc, musl] = await Promise.all([run(["gcc", "--version"]), run(["musl-gcc", "--version"])]);
  return { versions: `${gcc.stdout}${musl.stdout}bun ${Bun.version}`, libseccomp, triplet };
}

import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildDir, fromRoot } from "./paths.ts";
import { run } from "./run.ts";
import type { Step } from "./stamp.ts";
import type { Toolchain } from "./tools.ts";

export const warningFlags = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"] as const;

const libraryFlags = [
  "-O2",
  "-fPIC",
  "-shared",
  "-s",
  "-fvisibility=hidden",
  "-fstack-protector-strong",
  "-D_FORTIFY_SOURCE=2",
  "-Wl,-z,now,-z,relro,-z,defs",
  "-Wl,--exclude-libs,ALL",
  "-Wl,--build-id=none",
] as const;

/** Small: one crib-monitor a pod is resident. */
const staticFlags = [
  "-Os",
  "-static",
  "-s",
  "-fno-asynchronous-unwind-tables",
  "-ffunction-sections",
  "-fdata-sections",
  "-Wl,--gc-sections",
  "-Wl,-z,noseparate-code",
  "-Wl,--build-id=none",
] as const;

/**
 * For the monitor, which is root and parses what others wrote. musl-gcc has no -static-pie, so the start files are named; musl
 * has no _FORTIFY_SOURCE.
 */
function hardenedFlags(triplet: string): readonly string[] {
  const startFile = (name: string) => `/usr/lib/${triplet.replace(/-gnu$/, "-musl")}/${name}`;
  return [
    "-fPIE",
    "-fstack-protector-strong",
    "-nostartfiles",
    "-Wl,-pie,--no-dynamic-linker,-z,text",
    "-Wl,-z,relro,-z,now,-z,noexecstack",
    ...["rcrt1.o", "crti.o", "crtn.o"].map(startFile),
  ];
}

/**
 * glibc, for libzstd.a is made for it, and the process is gone when its layer is there. Hardened, for it is the one that reads what
 * strangers wrote.
 */
const layerFlags = [
  "-O2",
  "-static-pie",
  "-fPIE",
  "-s",
  "-pthread",
  "-fstack-protector-strong",
  "-D_FORTIFY_SOURCE=2",
  "-ffunction-sections",
  "-fdata-sections",
  "-Wl,--gc-sections",
  "-Wl,-z,now,-z,relro",
  "-Wl,--build-id=none",
] as const;

/** Where headers are looked for: `"wire/plan.h"` names its folder, what every folder uses has none. */
export const includeFlags = ["-Iffi", "-Iffi/include"] as const;

/** The `.c` files of folders below ffi/ but not of their tests, sorted, so that two builds link in the same order. */
export function sources(...folders: string[]): string[] {
  const found = folders.flatMap((folder) => [...new Bun.Glob(`ffi/${folder}/**/*.c`).scanSync({ cwd: fromRoot() })]);
  return found.filter((path) => !path.includes("/tests/")).sort();
}

/** Of crib, and a digest of all that the monitor is made of: a daemon compares it with its own to tell an old monitor. */
function monitorBuild(): string {
  const headers = ["include", "arch", "wire", "init", "monitor"].flatMap((folder) => [
    ...new Bun.Glob(`ffi/${folder}/**/*.h`).scanSync({ cwd: fromRoot() }),
  ]);
  const digest = new Bun.CryptoHasher("sha256");
  for (const path of [...headers.sort(), ...sources("monitor", "init", "wire")])
    digest.update(readFileSync(fromRoot(path)));
  const { version } = JSON.parse(readFileSync(fromRoot("package.json"), "utf8")) as { readonly version: string };
  return `${version}-${digest.digest("hex").slice(0, 12)}`;
}

/** Compiles aside and renames: a test or daemon that reads the artifact meanwhile sees the old one or the new one, whole. */
async function compile(output: string, command: readonly string[]): Promise<void> {
  const aside = join(buildDir, `.${output}.${process.pid}`);
  try {
    await run([...command, "-o", aside]);
    renameSync(aside, join(buildDir, output));
  } finally {
    rmSync(aside, { force: true });
  }
}

/** The four C artifacts the executable carries: ffi/BUILD.md and ffi/libcrib/crib.h say what they are. */
export function nativeStep(toolchain: Toolchain): Step {
  // The kernel's headers, below musl's own, which must win where both define something.
  const kernelHeaders = ["-idirafter", "/usr/include", "-idirafter", `/usr/include/${toolchain.triplet}`];
  const build = `-DMONITOR_BUILD="${monitorBuild()}"`;
  const musl = ["musl-gcc", ...warningFlags, ...staticFlags, ...includeFlags];
  const plain = [...musl, "-Wl,-z,norelro"];
  const monitor = [...musl, ...hardenedFlags(toolchain.triplet)];
  const commands: Readonly<Record<string, readonly string[]>> = {
    "libcrib.so": [
      "gcc",
      ...warningFlags,
      ...libraryFlags,
      ...includeFlags,
      ...sources("libcrib"),
      toolchain.libseccomp,
    ],
    "crib-monitor": [...monitor, build, ...sources("monitor", "init", "wire"), ...kernelHeaders],
    "crib-look": [...plain, ...sources("look"), ...kernelHeaders],
    "crib-layer": ["gcc", ...warningFlags, ...layerFlags, ...includeFlags, ...sources("layers"), toolchain.libzstd],
    hello: [...plain, ...sources("hello"), ...kernelHeaders],
  };
  return {
    name: "native",
    inputs: ["ffi/**/*.{c,h}"],
    key: JSON.stringify([commands, toolchain.versions]),
    outputs: Object.keys(commands).map((name) => `build/${name}`),
    async work() {
      mkdirSync(buildDir, { recursive: true });
      await Promise.all(Object.entries(commands).map(([output, command]) => compile(output, command)));
    },
  };
}

import { spawnSync } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const onPath = (name) => () =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((directory) =>
    executable(join(directory, name)),
  );
const file = (path) => () => existsSync(path);

/** libFuzzer comes apart from clang and lies under the release's number. */
function hasFuzzerRuntime() {
  const base = "/usr/lib/llvm-14/lib/clang";
  if (!existsSync(base)) return false;
  return readdirSync(base).some((release) => existsSync(join(base, release, "lib/linux/libclang_rt.fuzzer-x86_64.a")));
}

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const OUTPUT_BYTES = 64 << 20;

/** Package → how to see that what it brings is there, by whatever means it came. */
const building = {
  gcc: onPath("gcc"),
  "libc6-dev": file("/usr/include/stdio.h"),
  "musl-tools": onPath("musl-gcc"),
  "libseccomp-dev": file("/usr/include/seccomp.h"),
  "libzstd-dev": file("/usr/include/zstd.h"),
};
const testing = {
  // C: formatting, a second compiler's warnings, the fuzzers.
  "clang-format": onPath("clang-format"),
  clang: onPath("clang"),
  "libclang-rt-14-dev": hasFuzzerRuntime,
  // What the gzip decoder is compared with.
  "zlib1g-dev": file("/usr/include/zlib.h"),
  // What the tests look at the host with.
  iproute2: onPath("ip"),
  nftables: onPath("nft"),
  procps: onPath("ps"),
  attr: onPath("getfattr"),
  python3: onPath("python3"),
  strace: onPath("strace"),
  // Real peers.
  "busybox-static": onPath("busybox"),
  "docker-registry": onPath("docker-registry"),
  skopeo: onPath("skopeo"),
  "containernetworking-plugins": file("/usr/lib/cni/bridge"),
  runc: onPath("runc"),
  crun: onPath("crun"),
  containerd: onPath("containerd"),
  // The kubelet's client code. Where the archives' Go is too old for it, its suite says so.
  "golang-go": () => onPath("go")() || existsSync("/usr/local/go/bin/go"),
};
/** Other kernels, in an emulator. */
const emulating = {
  "qemu-system-x86": onPath("qemu-system-x86_64"),
  kmod: onPath("depmod"),
  "xz-utils": onPath("xz"),
};
const packagesByVerb = {
  build: building,
  demo: building,
  test: { ...building, ...testing },
  bench: { ...building, ...testing },
  vm: { ...building, ...testing, ...emulating },
};

/** A better test with them, still a test without: absent from the archives of a later Debian, say. */
const optional = new Set(["golang-go", "libclang-rt-14-dev", "clang", "crun", "strace"]);

/** apt-get talks for pages when all goes well; it is worth reading only when it does not. */
function run(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const result = spawnSync(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    env,
    maxBuffer: OUTPUT_BYTES,
  });
  if (result.status === 0) return true;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}\n`);
  return false;
}

/** As root, or through sudo where that asks for no password. */
function aptGet(...args) {
  const options = ["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0", ...args];
  if (process.getuid() === 0) return run("apt-get", options);
  return run("sudo", ["-n", "--preserve-env=DEBIAN_FRONTEND", "apt-get", ...options]);
}

const policyPath = "/usr/sbin/policy-rc.d";

/** Debian starts a service as soon as it is installed. The tests want the programs, not a registry on port 5000 for ever. */
function withoutStartingServices(install) {
  if (process.getuid() !== 0 || existsSync(policyPath)) return install();
  writeFileSync(policyPath, "#!/bin/sh\nexit 101\n");
  chmodSync(policyPath, 0o755);
  try {
    return install();
  } finally {
    rmSync(policyPath, { force: true });
  }
}

/** Whether the archives have the package at all, so that another release's lack of it is not tried again at every run. */
function isKnown(name) {
  return spawnSync("apt-cache", ["show", name], { stdio: "ignore" }).status === 0;
}

function missingFor(verb) {
  const packages = packagesByVerb[verb];
  if (packages === undefined) throw new Error(`no verb ${verb}; there are ${Object.keys(packagesByVerb).join(", ")}`);
  return Object.keys(packages).filter((name) => !packages[name]());
}

/**
 * Installs the Debian packages `verb` needs and does not find. On other distributions it names them and stops: what they are
 * called there, their users know better.
 */
export function installDebianPackages(verb) {
  const missing = missingFor(verb);
  const required = missing.filter((name) => !optional.has(name));
  const wished = missing.filter((name) => optional.has(name));
  if (required.length === 0 && !wished.some(isKnown)) return;
  if (!onPath("apt-get")()) {
    if (required.length === 0) return;
    throw new Error(`install what Debian calls ${required.join(" ")}, then run this again`);
  }
  process.stdout.write(`setup: installing ${missing.join(" ")}\n`);
  if (!aptGet("update")) process.stderr.write("setup: apt-get update failed, trying with the lists that are there\n");
  withoutStartingServices(() => {
    if (required.length > 0 && !aptGet("install", "-y", "--no-install-recommends", ...required)) {
      throw new Error(
        `apt-get could not install ${required.join(" ")}, see above (it takes root, or sudo without a password)`,
      );
    }
    for (const name of wished.filter(isKnown)) {
      if (!aptGet("install", "-y", "--no-install-recommends", name))
        process.stderr.write(`setup: going on without ${name}\n`);
    }
  });
  const still = missingFor(verb).filter((name) => !optional.has(name));
  if (still.length > 0)
    throw new Error(`installed ${still.join(" ")}, but what they bring is not where it was expected`);
}

import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDir, root } from "../../scripts/build/paths.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { initramfs } from "./initramfs.ts";
import { guestKernel, unpackedPackage } from "./kernel-package.ts";

export interface GuestOptions {
  readonly name: string;
  /** Debian's package, or meta package, of the kernel. */
  readonly kernel: string;
  readonly layout: "v2" | "v1" | "hybrid";
  /** SELinux instead of AppArmor, with the policy of tests/vm/selinux loaded; the tests make it enforced. */
  readonly selinux?: boolean;
  /** Debian's packages that are unpacked below build/vm for the tests. */
  readonly packages?: readonly string[];
  /** Test files, run one after another in the guest by `bun test`. */
  readonly tests: readonly string[];
  readonly testBoundSeconds: number;
  readonly boundSeconds: number;
}

export interface BootedGuest {
  readonly release: string;
  /** Everything told by the guest's scripts and tests. */
  readonly output: string;
  readonly seconds: number;
  readonly logs: readonly string[];
}

const MEMORY = "3G";
const virtiofsds = ["/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd"] as const;

/** Boots a kernel on this machine's own root, read-only, in an emulated machine; returns when the guest is off or out of time. */
export async function bootGuest(options: GuestOptions): Promise<BootedGuest> {
  const qemu = Bun.which("qemu-system-x86_64");
  const virtiofsd = virtiofsds.find((path) => existsSync(path));
  if (qemu === null || virtiofsd === undefined) {
    throw new Error(
      "no qemu-system-x86_64 or no virtiofsd: apt-get install qemu-system-x86 (and virtiofsd after Debian 12)",
    );
  }
  const kernel = await guestKernel(options.kernel);
  for (const name of options.packages ?? []) await unpackedPackage(name);
  const directory = join(buildDir, "vm/run", options.name);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, "share"), { recursive: true });
  const file = (name: string): string => join(directory, name);
  writeFileSync(file("initramfs.gz"), await initramfs(kernel));

  const share = Bun.spawn(
    ["unshare", "--mount", "sh", "-c", shareScript, "sh", file("share"), root, virtiofsd, file("fs.sock")],
    {
      stdin: "ignore",
      stdout: Bun.file(file("virtiofsd.log")),
      stderr: Bun.file(file("virtiofsd.log")),
    },
  );
  await waitUntil(() => existsSync(file("fs.sock")), { what: `virtiofsd listens, see ${file("virtiofsd.log")}` });
  const append = [
    "console=ttyS0 panic=-1 quiet",
    `vm.project=${root}`,
    `vm.modules=${kernel.modules}`,
    `vm.layout=${options.layout}`,
    `vm.bound=${options.testBoundSeconds}`,
    ...(options.selinux === true ? ["security=selinux vm.selinux=1"] : []),
    `vm.tests=${options.tests.join(",")}`,
  ].join(" ");
  const started = performance.now();
  // One processor: two that are emulated spend their time waiting for each other.
  const machine = ["-machine", "q35,accel=tcg,memory-backend=memory", "-cpu", "max", "-smp", "1", "-m", MEMORY];
  const memory = ["-object", `memory-backend-memfd,id=memory,size=${MEMORY},share=on`];
  const files = [
    "-chardev",
    `socket,id=fs,path=${file("fs.sock")}`,
    "-device",
    "vhost-user-fs-pci,chardev=fs,tag=host",
  ];
  const boot = ["-kernel", kernel.image, "-initrd", file("initramfs.gz"), "-append", append, "-no-reboot"];
  const serial = ["-serial", `file:${file("kernel.log")}`, "-serial", `file:${file("output.log")}`];
  const bare = ["-nodefaults", "-no-user-config", "-display", "none"];
  const emulator = Bun.spawn(["nice", "-n", "5", qemu, ...bare, ...machine, ...memory, ...files, ...boot, ...serial], {
    stdin: "ignore",
    stdout: Bun.file(file("qemu.log")),
    stderr: Bun.file(file("qemu.log")),
  });
  const timer = setTimeout(() => emulator.kill("SIGKILL"), options.boundSeconds * 1000);
  try {
    await emulator.exited;
  } finally {
    clearTimeout(timer);
    emulator.kill("SIGKILL");
    share.kill("SIGTERM");
    await share.exited;
  }
  return {
    release: kernel.release,
    output: existsSync(file("output.log")) ? await Bun.file(file("output.log")).text() : "",
    seconds: (performance.now() - started) / 1000,
    logs: ["kernel.log", "output.log", "qemu.log", "virtiofsd.log"]
      .map(file)
      .filter((path) => existsSync(path) && statSync(path).size > 0),
  };
}

/** The root without what is mounted on it, and the project if that is elsewhere; read-only, in a mount namespace of its own. */
const shareScript = `
share=$1 project=$2
mount --bind / "$share" && mount -o remount,bind,ro "$share" || exit 1
if [ "$(stat -c %d /)" != "$(stat -c %d "$project")" ]; then
  mount --bind "$project" "$share$project" && mount -o remount,bind,ro "$share$project" || exit 1
fi
exec "$3" --socket-path="$4" -o source="$share" -o cache=always -o xattr -f
`;

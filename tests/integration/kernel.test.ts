import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Errno } from "../../src/errors/errno.ts";
import { ErrnoError } from "../../src/errors/errno-error.ts";
import type { Fd, Pid } from "../../src/ids/process.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { MNT_DETACH, MS_NODEV, MS_NOSUID } from "../../src/kernel/mount-flags.ts";
import { AT_FDCWD, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, S_IFCHR } from "../../src/kernel/open-flags.ts";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { RESOLVE_IN_ROOT } from "../../src/kernel/resolve-flags.ts";
import { SIGKILL } from "../../src/kernel/signals.ts";
import { waitUntil } from "../harness/wait-until.ts";

const kernel = createLinuxKernel();
const directory = mkdtempSync("/tmp/crib-kernel-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const busybox = readFileSync("/bin/busybox");

const own = (fd: Fd) => new OwnedFd(kernel, fd);
const make = (...names: string[]): string => {
  const path = join(directory, ...names);
  mkdirSync(path, { recursive: true });
  return path;
};

function errnoOf(call: () => unknown): number {
  try {
    call();
  } catch (error) {
    if (error instanceof ErrnoError) return error.errno;
    throw error;
  }
  throw new Error("the call did not fail");
}

function readThrough(view: Fd, path: string): string {
  using file = own(kernel.openat2(view, path, { flags: O_RDONLY, resolve: RESOLVE_IN_ROOT }));
  const into = new Uint8Array(4096);
  return Buffer.from(into.subarray(0, kernel.read(file.fd, into))).toString();
}

describe("sealed memfds", () => {
  using memfd = own(kernel.sealedMemfd("crib-test", busybox));

  test("hold what was put in and can never be written again, by any path", () => {
    using fresh = own(kernel.sealedMemfd("crib-test", busybox));
    expect(readFileSync(`/proc/self/fd/${fresh.fd}`).equals(busybox)).toBe(true);
    expect(errnoOf(() => kernel.writeAll(fresh.fd, new Uint8Array(1)))).toBe(Errno.EPERM);
    expect(errnoOf(() => kernel.ftruncate(fresh.fd, 0n))).toBe(Errno.EPERM);
    // CVE-2019-5736: opening it anew through /proc gives a description, but no way to change a byte.
    using again = own(kernel.open(`/proc/self/fd/${fresh.fd}`, O_RDWR));
    expect(errnoOf(() => kernel.writeAll(again.fd, new Uint8Array(1)))).toBe(Errno.EPERM);
    expect(readFileSync(`/proc/self/fd/${fresh.fd}`).equals(busybox)).toBe(true);
  });

  test("are closed when their block ends", () => {
    expect(errnoOf(() => kernel.fstat(memfd.fd))).toBe(Errno.EBADF);
  });
});

describe("spawnDetached", () => {
  const run = async (script: string, fds: readonly Fd[] = []): Promise<{ pid: Pid; output: string }> => {
    const path = join(directory, `out-${Math.random()}`);
    using memfd = own(kernel.sealedMemfd("busybox", busybox));
    using output = own(kernel.open(path, O_CREAT | O_WRONLY, 0o600));
    const whole = `exec 1>&3; ${script}; busybox echo end`;
    const pid = await kernel.spawnDetached(memfd.fd, ["busybox", "sh", "-c", whole], [output.fd, ...fds]);
    await waitUntil(() => readFileSync(path, "utf8").endsWith("end\n"), { what: "the script to end" });
    return { pid, output: readFileSync(path, "utf8") };
  };

  test("leaves a process of init's in a session of its own, with an empty environment and cwd /", async () => {
    const { pid, output } = await run(
      "busybox cat /proc/$$/stat; busybox pwd; busybox tr '\\0' '\\n' </proc/$$/environ",
    );
    const fields = output.slice(output.lastIndexOf(")", output.indexOf("\n")) + 2).split(" ");
    expect(Number.parseInt(output, 10)).toBe(pid);
    expect(Number(fields[3])).toBe(pid);
    expect(output.split("\n").slice(1)).toEqual(["/", "end", ""]);
    // The parent is init or a subreaper above us, never us.
    expect(Number(fields[1])).not.toBe(process.pid);
  });

  test("no child of ours, no zombie", async () => {
    for (let round = 0; round < 20; round += 1) await run("true");
    const children = readdirSync("/proc/self/task").flatMap((task) =>
      readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean),
    );
    expect(children).toEqual([]);
  });

  test("inherits the given descriptors in order and nothing else", async () => {
    // Not close-on-exec and high: what a careless library would leave behind.
    using one = own(kernel.open("/etc/hostname", O_RDONLY));
    using two = own(kernel.open("/etc/passwd", O_RDONLY));
    const list = "for f in /proc/$$/fd/*; do busybox echo $(busybox basename $f) $(busybox readlink $f); done";
    const { output } = await run(list, [two.fd, one.fd]);
    // 10 is the shell's copy of its standard output; the descriptor it listed with is gone and leads nowhere.
    const lines = output.split("\n").filter((line) => !line.startsWith("10 ") && /^\d+ \//.test(line));
    expect(lines.map((line) => line.split(" ")[0])).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(lines[0]).toBe("0 /dev/null");
    expect(lines[2]).toBe("2 /dev/null");
    expect(lines[4]).toBe("4 /etc/passwd");
    expect(lines[5]).toBe("5 /etc/hostname");
  });

  test("no signal is blocked or ignored", async () => {
    const { output } = await run("busybox grep -E '^Sig(Blk|Ign)' /proc/self/status");
    // A shell ignores none of its own accord for grep, its child.
    expect(output).toContain("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  });

  test("descriptors that lie where others must go are not lost", async () => {
    const files = ["a", "b", "c", "d"].map((name) => {
      writeFileSync(join(directory, name), name);
      return own(kernel.open(join(directory, name), O_RDONLY));
    });
    const reversed = files.map(({ fd }) => fd).reverse();
    const { output } = await run(
      "busybox cat <&4; busybox cat <&5; busybox cat <&6; busybox cat <&7; busybox echo",
      reversed,
    );
    for (const file of files) file[Symbol.dispose]();
    expect(output).toBe("dcba\nend\n");
  });

  test("what cannot be executed is told, with the step", async () => {
    using memfd = own(kernel.sealedMemfd("no-elf", Buffer.from("no program")));
    const spawned = kernel.spawnDetached(memfd.fd, ["x"], []);
    await expect(spawned).rejects.toMatchObject({ errno: Errno.ENOEXEC });
    await expect(spawned).rejects.toThrow("execveat");
    await expect(kernel.spawnDetached(memfd.fd, ["x"], [999_999 as Fd])).rejects.toMatchObject({ errno: Errno.EBADF });
    await expect(kernel.spawnDetached(memfd.fd, [], [])).rejects.toThrow("E2BIG");
  });
});

describe("processes", () => {
  test("a pidfd tells the end of exactly its process", async () => {
    using memfd = own(kernel.sealedMemfd("busybox", busybox));
    const pid = await kernel.spawnDetached(memfd.fd, ["busybox", "sleep", "1000"], []);
    using pidfd = own(kernel.pidfdOpen(pid));
    expect(kernel.pidfdExited(pidfd.fd)).toBe(false);
    const started = kernel.processStartTime(pid);
    expect(started).toBeGreaterThan(0n);
    expect(kernel.processStartTime(pid)).toBe(started);
    kernel.pidfdSendSignal(pidfd.fd, SIGKILL);
    await waitUntil(() => kernel.pidfdExited(pidfd.fd), { what: "the process to end" });
  });

  test("a process that is not there", () => {
    const nobody = 4_194_303 as Pid;
    expect(kernel.processStartTime(nobody)).toBeUndefined();
    expect(errnoOf(() => kernel.pidfdOpen(nobody))).toBe(Errno.ESRCH);
    expect(errnoOf(() => kernel.kill(nobody, 0))).toBe(Errno.ESRCH);
  });

  test.each([0, -1, -4242])("pid %d would mean many processes and is refused", (pid) => {
    expect(() => kernel.kill(pid as Pid, 0)).toThrow("names no single process");
  });

  test("the open file limit goes up to the hard one", () => {
    const limit = kernel.raiseOpenFileLimit();
    expect(readFileSync("/proc/self/limits", "utf8")).toMatch(new RegExp(`Max open files\\s+${limit}\\s+${limit}\\s`));
  });
});

describe("mounts", () => {
  test("mount and umount", () => {
    const target = make("tmpfs");
    kernel.mount("crib", target, "tmpfs", MS_NODEV | MS_NOSUID, "size=64k,mode=0700");
    const line = readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .find((each) => each.includes(target));
    expect(line).toMatch(/tmpfs rw,nosuid,nodev,.*size=64k,mode=700/);
    kernel.umount(target, MNT_DETACH);
    expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(target);
    expect(errnoOf(() => kernel.umount(target, 0))).toBe(Errno.EINVAL);
    expect(errnoOf(() => kernel.mount("none", target, "nosuchfs", 0, ""))).toBe(Errno.ENODEV);
  });

  test("an overlay view shows the top layer first, read-only, attached nowhere", () => {
    const [top, bottom] = [make("view", "top"), make("view", "bottom")];
    writeFileSync(join(top, "both"), "top");
    writeFileSync(join(bottom, "both"), "bottom");
    writeFileSync(join(bottom, "one"), "one");
    kernel.mknodat(AT_FDCWD, join(bottom, "gone"), 0o600 | S_IFCHR, 1, 3);
    kernel.mknodat(AT_FDCWD, join(top, "gone"), S_IFCHR, 0, 0);
    const before = readFileSync("/proc/self/mountinfo", "utf8");
    using view = own(kernel.openOverlayView([top, bottom]));
    expect(readThrough(view.fd, "/both")).toBe("top");
    expect(readThrough(view.fd, "one")).toBe("one");
    expect(errnoOf(() => readThrough(view.fd, "gone"))).toBe(Errno.ENOENT);
    expect(errnoOf(() => kernel.openat(view.fd, "new", O_CREAT | O_WRONLY, 0o600))).toBe(Errno.EROFS);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(before);
  });

  test("a single layer is a view, too", () => {
    const only = make("single");
    writeFileSync(join(only, "file"), "single");
    using view = own(kernel.openOverlayView([only]));
    expect(readThrough(view.fd, "file")).toBe("single");
    expect(errnoOf(() => kernel.openat(view.fd, "new", O_CREAT | O_WRONLY, 0o600))).toBe(Errno.EROFS);
  });

  test("127 layers with long names and the mount API's separators", () => {
    const base = make("many", "x".repeat(200), "a:b,c\\d");
    const layers = Array.from({ length: 127 }, (_, index) => join(base, `layer-${index}`));
    for (const [index, layer] of layers.entries()) {
      mkdirSync(layer);
      writeFileSync(join(layer, `file-${index}`), String(index));
      writeFileSync(join(layer, "all"), String(index));
    }
    using view = own(kernel.openOverlayView(layers));
    expect(readThrough(view.fd, "all")).toBe("0");
    expect(readThrough(view.fd, "file-126")).toBe("126");
  });

  test("a view that fails names the layer, leaves no descriptor and no other working directory", () => {
    const cwd = process.cwd();
    const open = readdirSync("/proc/self/fd").length;
    expect(() => kernel.openOverlayView([directory, "/nowhere/at/all"])).toThrow("/nowhere/at/all");
    expect(() => kernel.openOverlayView([])).toThrow("EINVAL");
    expect(readdirSync("/proc/self/fd").length).toBe(open);
    expect(readlinkSync("/proc/self/cwd")).toBe(cwd);
  });
});

describe("files aside", () => {
  const { filesAside } = kernel;

  test("are worked on in order, up to the first that comes out otherwise than expected", async () => {
    const place = make("aside");
    const at = (name: string) => join(place, name);
    writeFileSync(at("file"), "before");
    const outcomes = await filesAside([
      { kind: "mkdir", path: at("made"), mode: 0o755 },
      { kind: "write", path: at("file"), text: "after!" },
      { kind: "read", path: at("file"), expected: "after!" },
      { kind: "exists", path: at("made"), expected: true },
      { kind: "rmdir", path: at("made") },
      { kind: "read", path: at("file"), expected: "before" },
      { kind: "unlink", path: at("file") },
    ]);
    expect(outcomes.map(({ errno, value }) => [errno, value])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 1],
      [0, 0],
      [0, 0],
    ]);
    expect(Buffer.from(outcomes.at(-1)?.bytes ?? []).toString()).toBe("after!");
    expect(readdirSync(place)).toEqual(["file"]);
  });

  test("modes are exact, whatever the umask of the process", async () => {
    const path = join(make("aside-modes"), "group");
    const before = kernel.umask(0o077);
    try {
      await filesAside([{ kind: "mkdir", path, mode: 0o755 }]);
      expect(kernel.umask(0o077)).toBe(0o077);
    } finally {
      kernel.umask(before);
    }
    expect(statSync(path).mode & 0o7777).toBe(0o755);
  });

  test("a write makes no file, a listing tells directories alone, and an unmount of nothing is told and gone on from", async () => {
    const place = make("aside-kinds", "one");
    const parent = join(place, "..");
    make("aside-kinds", "two");
    writeFileSync(join(parent, "file"), "");
    const [unmounted, listed] = await filesAside([
      { kind: "umount", path: place, flags: MNT_DETACH },
      { kind: "directories", path: parent },
    ]);
    expect(unmounted?.errno).toBe(Errno.EINVAL);
    expect(
      Buffer.from(listed?.bytes ?? [])
        .toString()
        .split("\0")
        .sort(),
    ).toEqual(["", "one", "two"]);
    const [written] = await filesAside([{ kind: "write", path: join(parent, "none"), text: "x" }]);
    expect(written?.errno).toBe(Errno.ENOENT);
  });

  test("a path with a NUL byte is refused before anything is done", async () => {
    const path = join(make("aside-nul"), "a");
    await expect(
      filesAside([
        { kind: "mkdir", path, mode: 0o700 },
        { kind: "rmdir", path: `${path}\0b` },
      ]),
    ).rejects.toThrow("NUL byte");
    expect(existsSync(path)).toBe(false);
  });

  test("hundreds at once all come to their end", async () => {
    const place = make("aside-many");
    const made = Array.from({ length: 300 }, (_, i) => join(place, `${i}`));
    await Promise.all(made.map((path) => filesAside([{ kind: "mkdir", path, mode: 0o700 }])));
    expect(readdirSync(place)).toHaveLength(300);
  });
});

describe("sockets", () => {
  test("netlinkAside makes a socket of the other namespace, and everything else stays in its own", async () => {
    const name = `cribk${process.pid}`;
    const ip = (...args: string[]) => {
      const { exitCode, stderr } = Bun.spawnSync(["ip", ...args]);
      if (exitCode !== 0) throw new Error(stderr.toString());
    };
    // RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP.
    const datagram = new Uint8Array([20, 0, 0, 0, 18, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const numbers = { first: 1, last: 1, other: 1, timeoutMs: 1_000 };
    const linksBy = async (fd: Fd) =>
      Buffer.from(await kernel.exchangeAside(fd, { datagram, ...numbers }, "list links")).toString("latin1");
    ip("netns", "add", name);
    try {
      const before = readlinkSync("/proc/thread-self/ns/net");
      using netns = own(kernel.open(`/run/netns/${name}`, O_RDONLY));
      using inside = own(await kernel.netlinkAside(netns.fd, 0));
      ip("-n", name, "link", "add", "only-here", "type", "bridge");
      expect(await linksBy(inside.fd)).toContain("only-here\0");
      expect(readlinkSync("/proc/thread-self/ns/net")).toBe(before);
      using outside = own(kernel.socket(AF_NETLINK, SOCK_RAW, 0));
      kernel.bindNetlink(outside.fd, 0);
      expect(await linksBy(outside.fd)).not.toContain("only-here\0");
    } finally {
      ip("netns", "delete", name);
    }
    using file = own(kernel.open("/etc/passwd", O_RDONLY));
    await expect(kernel.netlinkAside(file.fd, 0)).rejects.toMatchObject({ errno: Errno.EINVAL });
  });

  test("an answer that never comes ends the exchange", async () => {
    using netlink = own(kernel.socket(AF_NETLINK, SOCK_RAW, 0));
    kernel.bindNetlink(netlink.fd, 0);
    // NLMSG_NOOP: nobody answers.
    const datagram = new Uint8Array([16, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    const exchange = { datagram, first: 1, last: 1, other: 1, timeoutMs: 20 };
    await expect(kernel.exchangeAside(netlink.fd, exchange, "nothing")).rejects.toMatchObject({
      errno: Errno.ETIMEDOUT,
    });
  });

  test("listenUnix: mode 0600 whatever the umask, and the umask stays", async () => {
    const path = join(directory, "listen.sock");
    const before = kernel.umask(0);
    try {
      using socket = own(kernel.listenUnix(path, 16));
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(kernel.umask(0)).toBe(0);
      await new Promise<void>((resolve, reject) => {
        const client = connect(path, () => {
          client.destroy();
          resolve();
        });
        client.on("error", reject);
      });
      expect(errnoOf(() => kernel.listenUnix(path, 16))).toBe(Errno.EADDRINUSE);
      expect(socket.fd).toBeGreaterThan(2);
    } finally {
      kernel.umask(before);
    }
  });

  test("a socket path that does not fit sockaddr_un is refused, not cut", () => {
    expect(errnoOf(() => kernel.listenUnix(join(directory, "x".repeat(108)), 1))).toBe(Errno.ENAMETOOLONG);
  });
});

describe("owners and devices", () => {
  test("devices of large numbers, owners of links, attributes of links", () => {
    const path = make("owners");
    using root = own(kernel.open(path, O_RDONLY));
    kernel.mknodat(root.fd, "device", S_IFCHR | 0o600, 259, 1_048_575);
    expect(kernel.lstatat(root.fd, "device")).toMatchObject({ rdevMajor: 259, rdevMinor: 1_048_575 });
    kernel.symlinkat("/etc/passwd", root.fd, "link");
    const passwd = kernel.lstatat(AT_FDCWD, "/etc/passwd");
    kernel.lchownat(root.fd, "link", 12_345, 4_294_967_294);
    expect(kernel.lstatat(root.fd, "link")).toMatchObject({ uid: 12_345, gid: 4_294_967_294 });
    kernel.lsetxattrat(root.fd, "link", "trusted.crib", new Uint8Array([1, 2]));
    kernel.lsetxattrat(root.fd, "device", "trusted.crib", new Uint8Array([1, 2]));
    expect(kernel.lstatat(AT_FDCWD, "/etc/passwd")).toEqual(passwd);
  });
});

test("the shim loads without any temporary directory, and writes no file", () => {
  const script = `const { createLinuxKernel } = await import(${JSON.stringify(join(import.meta.dir, "../../src/kernel/linux/linux.ts"))}); createLinuxKernel().getpid();`;
  const traced = Bun.spawnSync(
    ["strace", "-f", "-e", "trace=open,openat,creat,mkdir,mkdirat", process.execPath, "-e", script],
    { env: { TMPDIR: "/nonexistent", PATH: process.env.PATH ?? "" } },
  );
  const written = traced.stderr
    .toString()
    .split("\n")
    .filter((line) => /O_CREAT|creat\(|mkdir/.test(line));
  expect(traced.exitCode).toBe(0);
  expect(traced.stderr.toString()).toContain("/proc/self/fd/");
  expect(written).toEqual([]);
});

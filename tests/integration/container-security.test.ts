import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SecurityProfile_ProfileType as ProfileType } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { ContainerRequest } from "../harness/test-bed.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed();

type SecurityContext = NonNullable<NonNullable<ContainerRequest["linux"]>["securityContext"]>;

/** Runs a script in a container with this security context. */
async function inside(script: string, securityContext: SecurityContext): Promise<string> {
  const privileged = "privileged" in securityContext && securityContext.privileged === true;
  const pod = await bed.runPod({ linux: { securityContext: { privileged } } });
  return bed.output(pod, script, { linux: { securityContext } });
}

/** A field of /proc/self/status, or of what a script printed of it. */
function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1] ?? `no ${name} in ${status}`;
}

const STATUS = "cat /proc/self/status";
const DEFAULT_CAPABILITIES = 0x00000000a80425fbn;
const CAP_NET_RAW = 1n << 13n;
const CAP_NET_ADMIN = 1n << 12n;
const CAP_SYS_PTRACE = 1n << 19n;

describe("capabilities", () => {
  const sets = async (capabilities: object, more: SecurityContext = {}): Promise<Record<string, bigint>> => {
    const status = await inside(STATUS, { capabilities, ...more } as SecurityContext);
    const names = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
    return Object.fromEntries(names.map((name) => [name, BigInt(`0x${field(status, name)}`)]));
  };

  test("are the usual fourteen, and nothing inheritable", async () => {
    const caps = await sets({});
    expect(caps.CapEff).toBe(DEFAULT_CAPABILITIES);
    expect(caps.CapPrm).toBe(DEFAULT_CAPABILITIES);
    expect(caps.CapBnd).toBe(DEFAULT_CAPABILITIES);
    expect([caps.CapInh, caps.CapAmb]).toEqual([0n, 0n]);
  });

  test("can be added and dropped, with or without CAP_", async () => {
    const caps = await sets({ addCapabilities: ["NET_ADMIN"], dropCapabilities: ["NET_RAW"] });
    expect(caps.CapEff).toBe((DEFAULT_CAPABILITIES | CAP_NET_ADMIN) & ~CAP_NET_RAW);
    expect(caps.CapBnd).toBe(caps.CapEff);
  });

  test("drop ALL leaves none, add after it leaves those", async () => {
    expect((await sets({ dropCapabilities: ["ALL"] })).CapBnd).toBe(0n);
    expect((await sets({ dropCapabilities: ["ALL"], addCapabilities: ["SYS_PTRACE"] })).CapEff).toBe(CAP_SYS_PTRACE);
  });

  test("add ALL gives what the host has", async () => {
    const host = BigInt(`0x${field(readFileSync("/proc/self/status", "utf8"), "CapBnd")}`);
    expect((await sets({ addCapabilities: ["ALL"] })).CapEff).toBe(host);
  });

  test("are not those of a user other than root, but stay in the bounding set", async () => {
    const caps = await sets({}, { runAsUser: { value: 1000n } });
    expect([caps.CapEff, caps.CapPrm, caps.CapAmb]).toEqual([0n, 0n, 0n]);
    expect(caps.CapBnd).toBe(DEFAULT_CAPABILITIES);
  });

  test("apply to an exec as well", async () => {
    const linux = { securityContext: { capabilities: { dropCapabilities: ["ALL"] } } };
    const container = await bed.runIdle(await bed.runPod(), { linux });
    expect(field(await container.sh(STATUS), "CapBnd")).toBe("0".repeat(16));
  });

  onlyCrib("fails at start")("an unknown name is refused", async () => {
    const pod = await bed.runPod();
    const linux = { securityContext: { capabilities: { addCapabilities: ["FLYING"] } } };
    expect(await codeOf(bed.create(pod, { linux }))).toBe("InvalidArgument");
  });
});

describe("no_new_privs", () => {
  for (const noNewPrivs of [true, false]) {
    test(`${noNewPrivs} is what the workload and an exec have`, async () => {
      const linux = { securityContext: { noNewPrivs } };
      const container = await bed.runIdle(await bed.runPod(), { linux });
      const expected = noNewPrivs ? "1" : "0";
      expect(field(readFileSync(`/proc/${await container.pid()}/status`, "utf8"), "NoNewPrivs")).toBe(expected);
      expect(field(await container.sh(STATUS), "NoNewPrivs")).toBe(expected);
    });
  }
});

describe("masked and read-only paths", () => {
  test("a masked file is empty, a masked directory too, a missing one is no matter", async () => {
    const maskedPaths = ["/etc/passwd", "/bin", "/not/there"];
    const script = "wc -c < /etc/passwd";
    const pod = await bed.runPod();
    const container = await bed.run(pod, {
      command: ["/usr/bin/sh", "-c", script],
      mounts: [{ containerPath: "/usr/bin", hostPath: busyboxDirectory(), readonly: true }],
      linux: { securityContext: { maskedPaths } },
    });
    expect((await container.waitExit()).exitCode).toBe(0);
    expect(await container.waitLog("\n")).toBe("0\n");
  });

  test("a read-only path refuses writes", async () => {
    const text = await inside("touch /tmp/x 2>&1; echo 1 > /proc/sys/net/ipv4/ip_forward", {
      readonlyPaths: ["/tmp", "/proc/sys"],
    });
    expect(text).toContain("/tmp/x: Read-only file system");
    expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).not.toBe("");
  });

  test("the kubelet's own list hides what it should", async () => {
    const maskedPaths = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"];
    const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
    const script =
      "wc -c < /proc/keys; ls /sys/firmware | wc -l; echo h > /proc/sysrq-trigger 2>/dev/null || echo refused";
    expect(await inside(script, { maskedPaths, readonlyPaths })).toBe("0\n0\nrefused");
  });

  function busyboxDirectory(): string {
    const path = join(bed.engine.directory, "busybox");
    mkdirSync(path, { recursive: true });
    for (const name of ["sh", "wc"]) writeFileSync(join(path, name), readFileSync("/bin/busybox"), { mode: 0o755 });
    return path;
  }
});

describe("privileged", () => {
  test("has every capability of the host, its devices, and no seccomp", async () => {
    const hostStatus = readFileSync("/proc/self/status", "utf8");
    const status = await inside(STATUS, { privileged: true });
    expect(field(status, "CapEff")).toBe(field(hostStatus, "CapBnd"));
    expect(field(status, "Seccomp")).toBe("0");
    expect(await inside("test -b /dev/vda || test -c /dev/kmsg; echo $?", { privileged: true })).toBe("0");
  });

  onlyCrib("shares the pause container's read-only sysfs")(
    "has a writable /sys, even beside one that has not",
    async () => {
      const sysfs = "awk '$2 == \"/sys\" {print substr($4, 1, 2)}' /proc/mounts";
      const pod = await bed.runPod({ linux: { securityContext: { privileged: true } } });
      expect(await bed.output(pod, sysfs)).toBe("ro");
      expect(await bed.output(pod, sysfs, { linux: { securityContext: { privileged: true } } })).toBe("rw");
    },
  );

  test("only in a privileged pod", async () => {
    const pod = await bed.runPod();
    expect(await codeOf(bed.create(pod, { linux: { securityContext: { privileged: true } } }))).not.toBe("OK");
  });

  test("and without it /sys is read-only, and only the usual devices are there", async () => {
    expect(await inside("awk '$2 == \"/sys\" {print substr($4, 1, 2)}' /proc/mounts", {})).toBe("ro");
    const devices = "core fd full mqueue null ptmx pts random shm stderr stdin stdout termination-log tty urandom zero";
    const listed = (await inside("ls /dev", {})).split(/\s+/);
    expect(listed.filter((name) => !devices.split(" ").includes(name))).toEqual([]);
    for (const name of ["null", "zero", "full", "random", "urandom", "tty", "ptmx"]) expect(listed).toContain(name);
  });
});

describe("devices", () => {
  test("of the request are there and work, as far as their permissions say", async () => {
    const hostPath = ["/dev/fuse", "/dev/net/tun", "/dev/loop-control"].find((path) => existsSync(path)) ?? "/dev/kmsg";
    const devices = [{ containerPath: "/dev/copy", hostPath, permissions: "r" }];
    const script = "(: < /dev/copy) && echo read; (: > /dev/copy) 2>/dev/null || echo refused; stat -c %F /dev/copy";
    expect(await bed.output(await bed.runPod(), script, { devices })).toBe("read\nrefused\ncharacter special file");
  });

  test("others cannot be opened even when their node is made", async () => {
    expect(
      await inside("mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg 2>&1 | grep -c 'Operation not permitted'", {}),
    ).toBe("1");
  });

  test("one that is not on the host is refused", async () => {
    const devices = [{ containerPath: "/dev/x", hostPath: "/dev/no-such-device", permissions: "rwm" }];
    expect(await codeOf(bed.run(await bed.runPod(), { command: ["true"], devices }))).not.toBe("OK");
  });
});

describe("seccomp", () => {
  /** `unshare -U` makes a user namespace: the default profile refuses it without CAP_SYS_ADMIN. */
  const tryUnshare = "grep Seccomp: /proc/self/status; unshare -U true 2>/dev/null && echo allowed || echo refused";
  const profile = (profileType: ProfileType, localhostRef = "") => ({ seccomp: { profileType, localhostRef } });

  test("RuntimeDefault filters", async () => {
    const text = await inside(tryUnshare, profile(ProfileType.RuntimeDefault));
    expect(text).toBe("Seccomp:\t2\nrefused");
  });

  test("Unconfined does not", async () => {
    const text = await inside(tryUnshare, profile(ProfileType.Unconfined));
    expect(text).toBe("Seccomp:\t0\nallowed");
  });

  test("RuntimeDefault opens what an added capability needs", async () => {
    const capabilities = { addCapabilities: ["SYS_ADMIN"] };
    const text = await inside(tryUnshare, { ...profile(ProfileType.RuntimeDefault), capabilities });
    expect(text).toBe("Seccomp:\t2\nallowed");
  });

  test("Localhost obeys the file, in the workload and in an exec", async () => {
    const path = join(bed.engine.directory, "seccomp", "no-mkdir.json");
    mkdirSync(join(bed.engine.directory, "seccomp"), { recursive: true });
    const rule = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 };
    writeFileSync(
      path,
      JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], syscalls: [rule] }),
    );
    const linux = { securityContext: profile(ProfileType.Localhost, path) };
    const pod = await bed.runPod();
    expect(await bed.output(pod, "mkdir /tmp/x 2>&1 || true", { linux })).toContain("No space left on device");
    const container = await bed.runIdle(pod, { linux });
    expect(await container.sh("mkdir /tmp/x 2>&1 || true")).toContain("No space left on device");
  });

  test("a Localhost profile that is not there is refused", async () => {
    const linux = { securityContext: profile(ProfileType.Localhost, "/no/such/profile.json") };
    expect(await codeOf(bed.run(await bed.runPod(), { command: ["true"], linux }))).not.toBe("OK");
  });
});

import { beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { buildDir } from "../../../scripts/build/paths.ts";
import { SecurityProfile_ProfileType, SecurityProfileSchema } from "../../../src/gen/runtime/v1/api_pb.ts";
import { outcomeOf } from "../../harness/error-code.ts";
import { useTestBed } from "../../harness/use-test-bed.ts";

const bed = useTestBed();
const policy = "profile crib-tight flags=(attach_disconnected) { file, signal, capability, deny /etc/passwd r, }";
const { Localhost, RuntimeDefault, Unconfined } = SecurityProfile_ProfileType;
const parser = `${buildDir}/vm/apparmor/sbin/apparmor_parser`;
const confined = "crib-default (enforce)";

const profile = (profileType: SecurityProfile_ProfileType, localhostRef = "") =>
  create(SecurityProfileSchema, { profileType, localhostRef });
const under = (profileType: SecurityProfile_ProfileType, localhostRef = "") => ({
  linux: { securityContext: { apparmor: profile(profileType, localhostRef) } },
});
const labelInside = "cat /proc/self/attr/current";
const loaded = (): readonly string[] =>
  readFileSync("/sys/kernel/security/apparmor/profiles", "utf8").trimEnd().split("\n");

function parse(argument: string, text: string): void {
  const { stderr, exitCode } = Bun.spawnSync([parser, argument, "--skip-cache"], { stdin: Buffer.from(text) });
  expect(stderr.toString() + exitCode).toEndWith("0");
}

beforeAll(() => parse("--replace", policy));

test("without a parser RuntimeDefault is refused with the package's name, and who names none is not confined", async () => {
  expect(loaded()).not.toContain(confined);
  const pod = await bed.runPod();
  const outcome = await outcomeOf(bed.run(pod, { command: ["true"], ...under(RuntimeDefault) }));
  expect(outcome.code).toBe("FailedPrecondition");
  expect(outcome.message).toContain("install the package apparmor");
  expect(await (await bed.runIdle(pod)).sh(labelInside)).toBe("unconfined");
});

test("with one, who names none and who names RuntimeDefault runs under the default profile, and so does an exec", async () => {
  if (!existsSync("/usr/sbin/apparmor_parser")) symlinkSync(parser, "/usr/sbin/apparmor_parser");
  const pod = await bed.runPod();
  for (const request of [{}, under(RuntimeDefault)]) {
    const container = await bed.runIdle(pod, request);
    expect(await container.sh(labelInside)).toBe(confined);
    expect(await container.sh("cat /proc/1/attr/current")).toBe(confined);
    const started = performance.now();
    await container.stop(60);
    expect(await container.status()).toMatchObject({ exitCode: 0 });
    expect(performance.now() - started).toBeLessThan(50_000);
  }
  expect(await (await bed.runIdle(pod, under(Unconfined))).sh(labelInside)).toBe("unconfined");
});

test("the kernel's switches and mounts are out of reach even with CAP_SYS_ADMIN and nothing masked", async () => {
  const pod = await bed.runPod();
  const securityContext = { capabilities: { addCapabilities: ["ALL"] }, maskedPaths: [], readonlyPaths: [] };
  const attempts = {
    sysrq: "echo h >/proc/sysrq-trigger",
    kcore: "head -c1 /proc/kcore",
    sysctl: "echo 1 >/proc/sys/kernel/panic",
    network: "echo 1 >/proc/sys/net/ipv4/ip_forward",
    mount: "mount -t tmpfs none /mnt",
    bind: "mount --bind /etc /mnt",
    remount: "mount -o remount,rw /sys",
    policy: "ls /sys/kernel/security/apparmor",
  };
  const script = Object.entries(attempts)
    .map(([name, attempt]) => `(mkdir -p /mnt; ${attempt}) >/dev/null 2>&1 && echo ${name}`)
    .join("; ");
  const allowed = async (linux: object) =>
    (await (await bed.runIdle(pod, { linux })).sh(`${script}; echo end`)).split("\n").slice(0, -1);
  // Not by AppArmor alone: what the same container may do without it tells which of these the profile refuses.
  const unconfined = await allowed({ securityContext: { ...securityContext, apparmor: profile(Unconfined) } });
  expect(unconfined).toEqual(expect.arrayContaining(["sysrq", "kcore", "sysctl", "mount", "bind"]));
  expect(await allowed({ securityContext })).toEqual([]);
});

test("what a container does on its own behalf is let through", async () => {
  const pod = await bed.runPod();
  const container = await bed.runIdle(pod);
  const script =
    "sleep 100 & kill $! && echo 500 >/proc/self/oom_score_adj && echo x >/tmp/x && rm /tmp/x && ls -l /proc/1/exe >/dev/null && echo fine";
  expect(await container.sh(script)).toBe("fine");
});

test("a privileged container is unconfined, unless it names a profile", async () => {
  const pod = await bed.runPod({ linux: { securityContext: { privileged: true } } });
  const privileged = { privileged: true };
  for (const [securityContext, label] of [
    [privileged, "unconfined"],
    [{ ...privileged, apparmor: profile(RuntimeDefault) }, "unconfined"],
    [{ ...privileged, apparmor: profile(Localhost, "crib-tight") }, "crib-tight (enforce)"],
  ] as const) {
    expect(await (await bed.runIdle(pod, { linux: { securityContext } })).sh(labelInside)).toBe(label);
  }
});

test("a profile that vanished is loaded again, also for a container made before", async () => {
  const pod = await bed.runPod();
  const made = await bed.create(pod, { command: ["/bin/pause"] });
  parse("--remove", "profile crib-default { }");
  expect(loaded()).not.toContain(confined);
  await made.start();
  expect(await made.sh(labelInside)).toBe(confined);
});

test("a container runs under the profile it names, and so does an exec in it", async () => {
  const pod = await bed.runPod();
  const container = await bed.runIdle(pod, under(Localhost, "crib-tight"));
  expect(await container.sh(labelInside)).toBe("crib-tight (enforce)");
  expect(await container.sh("cat /etc/group >/dev/null; cat /etc/passwd 2>/dev/null || echo refused")).toBe("refused");
});

test("a profile that is not loaded is refused, by its name", async () => {
  const pod = await bed.runPod();
  const outcome = await outcomeOf(bed.run(pod, { command: ["true"], ...under(Localhost, "crib-nowhere") }));
  expect(outcome.code).toBe("FailedPrecondition");
  expect(outcome.message).toContain('no AppArmor profile "crib-nowhere" is loaded on this node');
});

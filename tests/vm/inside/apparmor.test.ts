import { beforeAll, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { buildDir } from "../../../scripts/build/paths.ts";
import { SecurityProfile_ProfileType, SecurityProfileSchema } from "../../../src/gen/runtime/v1/api_pb.ts";
import { outcomeOf } from "../../harness/error-code.ts";
import { useTestBed } from "../../harness/use-test-bed.ts";

const bed = useTestBed();
const policy = "profile crib-tight flags=(attach_disconnected) { file, signal, capability, deny /etc/passwd r, }";
const { Localhost, RuntimeDefault } = SecurityProfile_ProfileType;

const under = (profileType: SecurityProfile_ProfileType, localhostRef = "") => ({
  linux: { securityContext: { apparmor: create(SecurityProfileSchema, { profileType, localhostRef }) } },
});
const labelInside = "cat /proc/self/attr/current";

beforeAll(() => {
  const parser = `${buildDir}/vm/apparmor/sbin/apparmor_parser`;
  const loaded = Bun.spawnSync([parser, "--replace", "--skip-cache"], { stdin: Buffer.from(policy) });
  expect(loaded.stderr.toString() + loaded.exitCode).toEndWith("0");
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

test("one that names none is not confined, and RuntimeDefault is refused, since crib brings no profile", async () => {
  const pod = await bed.runPod();
  expect(await (await bed.runIdle(pod)).sh(labelInside)).toBe("unconfined");
  const outcome = await outcomeOf(bed.run(pod, { command: ["true"], ...under(RuntimeDefault) }));
  expect(outcome.code).toBe("FailedPrecondition");
  expect(outcome.message).toContain("crib brings none");
});

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { fixtureAccounts, specInput } from "../../../../tests/fixtures/spec-input.ts";
import { type ContainerConfigSchema, MountSchema } from "../../../gen/runtime/v1/api_pb.ts";
import { buildContainerSpec } from "../../../oci/container-spec.ts";
import { checkPlanFits, planLimits } from "./check-plan-fits.ts";

type Config = MessageInitShape<typeof ContainerConfigSchema>;

const mounts = (count: number) =>
  Array.from({ length: count }, (_, n) => create(MountSchema, { containerPath: `/m${n}`, hostPath: "/srv" }));
const masked = (count: number): Config => ({
  linux: { securityContext: { maskedPaths: Array.from({ length: count }, (_, n) => `/m${n}`) } },
});

function check(config: Config, changes: Parameters<typeof specInput>[1] = {}): void {
  checkPlanFits(buildContainerSpec(specInput(config, changes)));
}

test("the limits are those of ffi/wire/plan.h", () => {
  const header = readFileSync(join(import.meta.dir, "../../../../ffi/wire/plan.h"), "utf8");
  expect(header).toContain(`#define PLAN_STEPS_MAX ${planLimits.steps}\n`);
  expect(header).toContain(`#define PLAN_SLOTS_MAX ${planLimits.sources}\n`);
});

describe("a container that could be created and never started", () => {
  test("with more mounts than a plan has places for", () => {
    expect(() => check({ mounts: mounts(508) })).not.toThrow();
    expect(() => check({ mounts: mounts(509) })).toThrow("container has 513 mounts with those of its pod");
  });

  test("with more masked paths than a plan has steps", () => {
    expect(() => check(masked(3500))).not.toThrow();
    expect(() => check(masked(4100))).toThrow("too many to start it");
  });

  test("with a user in more groups than Linux allows", () => {
    const groups = Array.from({ length: 65_537 }, (_, gid) => ({ name: `g${gid}`, gid, members: ["web"] }));
    const config: Config = { linux: { securityContext: { runAsUsername: "web" } } };
    expect(() => check(config, { accounts: { ...fixtureAccounts, groups } })).toThrow("Linux allows 65536");
  });
});

import { existsSync, readFileSync } from "node:fs";
import { describeCommands, describeSandboxRuntime } from "../../src/runtime/contract/sandbox-runtime-contract.ts";
import { openOciBed, openRuntimeBed } from "../harness/runtime-bed.ts";
import { say } from "../harness/say.ts";

describeSandboxRuntime("native", openRuntimeBed);
describeCommands("native", openRuntimeBed);

const controllersOfV2 = "/sys/fs/cgroup/unified/cgroup.controllers";
/** crun 1.8 refuses a hybrid host whose unified hierarchy has controllers. */
const refusesHost = (path: string) =>
  path.endsWith("/crun") && existsSync(controllersOfV2) && readFileSync(controllersOfV2, "utf8").trim() !== "";

for (const path of ["/usr/sbin/runc", "/usr/bin/crun"]) {
  if (!existsSync(path) || refusesHost(path)) {
    say(
      `the contract is not held to ${path}: ${existsSync(path) ? "it refuses hybrid control groups" : "not installed"}`,
    );
    continue;
  }
  describeSandboxRuntime(path, () => openOciBed(path));
  describeCommands(path, () => openOciBed(path));
}

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeCommands, describeSandboxRuntime } from "../../src/runtime/contract/sandbox-runtime-contract.ts";
import { openOciBed, openRuntimeBed, openShimBed } from "../harness/runtime-bed.ts";
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

const shim = join(import.meta.dir, "../../build/peers/containerd-shim-runc-v2");
const ofRunc = {
  binaryName: undefined,
  root: undefined,
  systemdCgroup: false,
  configPath: undefined,
  typeUrl: undefined,
};
if (existsSync(shim) && existsSync("/usr/sbin/runc")) {
  for (const sandboxContainer of [false, true]) {
    const name = `containerd-shim-runc-v2${sandboxContainer ? " with a sandbox's container" : ""}`;
    describeSandboxRuntime(name, () => openShimBed(shim, ofRunc, { sandboxContainer }));
    describeCommands(name, () => openShimBed(shim, ofRunc, { sandboxContainer }));
  }
} else {
  say(
    "the contract is not held to a shim: build/peers has none (npm run runtimes builds it), or runc is not installed",
  );
}

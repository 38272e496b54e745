import { existsSync, readFileSync } from "node:fs";
import { describeCommands, describeSandboxRuntime } from "../../src/runtime/contract/sandbox-runtime-contract.ts";
import { openOciBed, openRuntimeBed, openShimBed } from "../harness/runtime-bed.ts";
import { say } from "../harness/say.ts";
import { missingFor, runscConfig, triedShims } from "../harness/shims.ts";

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

const ofRunc = {
  binaryName: undefined,
  root: undefined,
  systemdCgroup: false,
  configPath: undefined,
  typeUrl: undefined,
};
const ofRunsc = { ...ofRunc, typeUrl: "io.containerd.runsc.v1.options", configPath: runscConfig };
for (const shim of triedShims) {
  const missing = missingFor(shim);
  if (missing !== undefined) {
    say(`the contract is not held to the shim ${shim.name}: ${missing}`);
    continue;
  }
  const options = shim.sharesKernel ? ofRunc : ofRunsc;
  const sandboxContainer = !shim.lines.includes("sandbox_container = false");
  describeSandboxRuntime(`shim ${shim.name}`, () => openShimBed(shim.path, options, { sandboxContainer }));
  describeCommands(`shim ${shim.name}`, () => openShimBed(shim.path, options, { sandboxContainer }));
}

/** `bun tests/soak/renew-until-killed.ts SANDBOX DIRECTORY`: renews that monitor, by two names in turn, until it is killed. */
import { parseSandboxId } from "../../src/ids/object-id.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { openRenewer, renamedMonitor } from "../harness/renewal-bed.ts";

const [, , id = "", path = ""] = process.argv;
const directory = parseHostPath(path);
const kernel = createLinuxKernel();
const executable = readArtifact("crib-monitor");
const renewers = [executable, renamedMonitor(executable)].map((each) => openRenewer({ kernel }, each).launcher);
const [first] = renewers;
if (first === undefined) throw new Error("nothing to renew with");
const monitor = await first.reconnect(parseSandboxId(id), directory);
process.stdout.write("ready\n");
for (let round = 0; ; round++) {
  await renewers[round % renewers.length]?.renew(monitor, directory);
  process.stdout.write("renewed\n");
}

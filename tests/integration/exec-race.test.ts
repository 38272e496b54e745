import { describe, expect } from "bun:test";
import { NamespaceMode } from "../../src/gen/runtime/v1/api_pb.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { killIfThere } from "../harness/processes-of.ts";
import { Random } from "../harness/random.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed();
const test = onlyCrib("answers Unknown");
const ROUNDS = 30;
const AT_ONCE = 4;
const LONGEST_MS = 12;
/** What a client may be told of a command whose container ended around it. */
const honest: ReadonlySet<string> = new Set(["OK", "FailedPrecondition", "NotFound"]);

describe("a command that is started while its container ends", () => {
  for (const [mode, pid] of [
    ["of its own", NamespaceMode.CONTAINER],
    ["of the pod", NamespaceMode.POD],
  ] as const) {
    test(`in a pid namespace ${mode} is refused as one that came later is`, async () => {
      const namespaces = { linux: { securityContext: { namespaceOptions: { pid } } } };
      const random = new Random(Date.now());
      const pod = await bed.runPod(namespaces);
      const strange: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const container = await bed.runIdle(pod, namespaces);
        const init = await container.pid();
        const execs = Array.from({ length: AT_ONCE }, () => outcomeOf(container.exec(["true"])));
        await Bun.sleep(random.between(0, LONGEST_MS));
        killIfThere(init);
        for (const { code, message } of await Promise.all(execs)) {
          if (!honest.has(code)) strange.push(`round ${round}: ${code} ${message}`);
        }
        await container.remove();
      }
      expect(strange).toEqual([]);
    });
  }
});

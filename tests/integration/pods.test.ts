import { describe, expect, test } from "bun:test";
import { useTestBed } from "../harness/test-bed.ts";

const bed = useTestBed();

describe("pods", () => {
  test("a pod runs a container that says where it is", async () => {
    const pod = await bed.runPod({ hostname: "here" });
    expect(await bed.output(pod, "hostname")).toBe("here");
    const idle = await bed.runIdle(pod);
    expect(await idle.sh("hostname")).toBe("here");
    expect(await idle.pid()).toBeGreaterThan(1);
  });
});

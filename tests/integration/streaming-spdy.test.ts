import { describe, expect, test } from "bun:test";
import { RawSpdy } from "../fixtures/raw-spdy.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();

describe("exec over SPDY", () => {
  test("carries input, its end, output and the exit code", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const flags = { stdin: true, stdout: true, stderr: true, tty: false };
    const cmd = ["sh", "-c", "cat | wc -c; echo err >&2; exit 4"];
    const { url } = await bed.cri.runtime.exec({ containerId: container.id, cmd, ...flags });
    const { spdy } = await RawSpdy.open(Number(new URL(url).port), new URL(url).pathname, "v4.channel.k8s.io");
    using _spdy = spdy;
    const [error = 0, stdin = 0, stdout = 0, stderr = 0] = ["error", "stdin", "stdout", "stderr"].map((streamtype) =>
      spdy.stream({ streamtype }),
    );
    spdy.send(stdin, "x".repeat(100_000));
    spdy.end(stdin);
    await spdy.ended(error);
    expect([spdy.text(stdout).trim(), spdy.text(stderr)]).toEqual(["100000", "err\n"]);
    expect(JSON.parse(spdy.text(error)).details.causes[0].message).toBe("4");
  });
});

describe("port-forward over SPDY", () => {
  test("reaches what listens on the pod's loopback, and says so when nobody does", async () => {
    const pod = await bed.runPod();
    await bed.run(pod, { command: ["sh", "-c", "while true; do nc -l -p 8077 -e echo served; done"] });
    const { url } = await bed.cri.runtime.portForward({ podSandboxId: pod.id });
    const { spdy } = await RawSpdy.open(Number(new URL(url).port), new URL(url).pathname, "portforward.k8s.io");
    using _spdy = spdy;
    let requestid = 0;
    const connect = (port: string) => {
      requestid += 1;
      const headers = { port, requestid: String(requestid) };
      return {
        error: spdy.stream({ streamtype: "error", ...headers }),
        data: spdy.stream({ streamtype: "data", ...headers }),
      };
    };
    const closed = connect("9");
    await spdy.ended(closed.error);
    expect(spdy.text(closed.error)).toStartWith("error forwarding port 9: ");
    await waitUntil(
      async () => {
        const open = connect("8077");
        await Promise.race([spdy.ended(open.data), spdy.ended(open.error)]);
        return spdy.text(open.data) === "served\n";
      },
      { what: "what is served", boundMs: 10_000 },
    );
  });
});

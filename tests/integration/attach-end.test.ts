import { describe, expect } from "bun:test";
import { ContainerState } from "../../src/gen/runtime/v1/api_pb.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { openCommand, type StreamProtocol } from "../harness/stream-clients.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** What `echo x | crictl attach -i` does: an attachment whose input has ended, to a container whose input has not. */
const bed = useTestBed();

const input = new TextEncoder().encode("hello\n");
const echoing = ["sh", "-c", "while read line; do echo got $line; done; echo input is over"];

async function attach(container: TestContainer, protocol: StreamProtocol, tty: boolean) {
  const flags = { stdin: true, stdout: true, stderr: !tty, tty };
  return openCommand(protocol, (await bed.cri.runtime.attach({ containerId: container.id, ...flags })).url, tty);
}

describe.each([
  ["spdy", false],
  ["spdy", true],
  ["websocket", false],
  ["websocket", true],
] as const)("over %s, with a terminal: %p,", (protocol, tty) => {
  const served = onlyCrib(
    protocol === "spdy" ? "a terminal's attachment hangs in Debian's 1.6" : "Debian's 1.6 serves exec over SPDY alone",
  );

  served(
    "an attachment ends with its input where stdin_once is false, and the container runs on (it hung)",
    async () => {
      const container = await bed.run(await bed.runPod(), { command: echoing, stdin: true, tty });
      for (let round = 1; round <= 2; round += 1) {
        using client = await attach(container, protocol, tty);
        client.send(input);
        client.end();
        await waitUntil(() => client.closed, { what: `the end of attachment ${round}` });
        await waitUntil(() => container.text().split("got hello").length === round + 1, { what: "the line" });
      }
      expect(container.text()).not.toContain("over");
      expect((await container.status()).state).toBe(ContainerState.CONTAINER_RUNNING);
    },
  );

  served("one to a container that has closed its input ends as well", async () => {
    const command = ["sh", "-c", "exec </dev/null; echo closed; exec sleep 1000"];
    const container = await bed.run(await bed.runPod(), { command, stdin: true, tty });
    await container.waitLog("closed");
    using client = await attach(container, protocol, tty);
    client.send(input);
    client.end();
    await waitUntil(() => client.closed, { what: "the end of the attachment" });
    expect((await container.status()).state).toBe(ContainerState.CONTAINER_RUNNING);
  });

  served("one without input of its own stays until the container ends", async () => {
    const command = ["sh", "-c", "while [ ! -e /go ]; do sleep 0.05; done; echo last"];
    const container = await bed.run(await bed.runPod(), { command, stdin: true, tty });
    const flags = { stdin: false, stdout: true, stderr: !tty, tty };
    const { url } = await bed.cri.runtime.attach({ containerId: container.id, ...flags });
    using client = await openCommand(protocol, url, tty);
    if (protocol === "websocket") client.end();
    await container.sh("touch /go");
    await container.waitExit();
    await waitUntil(() => client.closed, { what: "the end of the attachment" });
    const text = Buffer.concat(client.take()).toString();
    expect(text).toContain("last");
  });
});

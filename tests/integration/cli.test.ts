import { describe, expect, test } from "bun:test";
import { runCli } from "../../src/cli/program/program.ts";
import { type CliResult, cli, createTestIo } from "../fixtures/cli-io.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed({ images: ["busybox"] });

function crib(...argv: string[]): Promise<CliResult> {
  return cli(argv, { address: `unix://${bed.engine.socket}` });
}

const busybox = (): string => bed.registry.reference("busybox");

describe("crib run", () => {
  test("shows both outputs apart, and exits as the command did", async () => {
    const run = await crib("run", "-q", busybox(), "sh", "-c", "echo out; echo err >&2; exit 7");
    expect(run).toEqual({ exitCode: 7, out: "out\n", err: "err\n" });
    expect(await crib("pods", "-q")).toEqual({ exitCode: 0, out: "", err: "" });
  });

  test("keeps bytes, long lines and what has no line feed at its end", async () => {
    const run = await crib(
      "run",
      "-q",
      busybox(),
      "sh",
      "-c",
      "head -c 100000 /dev/zero | tr '\\0' x; echo; printf 'a\\033[1m\\n'",
    );
    expect(run.out.length).toBe(100_000 + 1 + 6);
    expect(run.out.endsWith("\na\u001b[1m\n")).toBe(true);
  });

  test("passes environment, working directory, user, host name and volumes", async () => {
    const run = await crib(
      ...[
        "run",
        "-q",
        "-e",
        "WHO=me",
        "-w",
        "/tmp",
        "-u",
        "33:44",
        "--hostname",
        "here",
        "-v",
        `${bed.engine.directory}:/seen:ro`,
      ],
      ...[
        busybox(),
        "sh",
        "-c",
        "echo $WHO $PWD $(id -u):$(id -g) $(hostname); touch /seen/x 2>/dev/null || echo read-only",
      ],
    );
    expect(run.out).toBe("me /tmp 33:44 here\nread-only\n");
  });

  test("limits memory: what takes more is killed", async () => {
    const run = await crib(
      "run",
      "-q",
      "-m",
      "16m",
      busybox(),
      "sh",
      "-c",
      "head -c 64m /dev/zero | tail -c 64m >/dev/null; exit $?",
    );
    expect(run.exitCode).toBe(137);
  });

  test("names what is not there with 127, and what is no program with 126", async () => {
    expect((await crib("run", "-q", busybox(), "/bin/no-such")).exitCode).toBe(127);
    expect((await crib("run", "-q", busybox(), "/etc/passwd")).exitCode).toBe(126);
    expect(await crib("pods", "-q")).toEqual({ exitCode: 0, out: "", err: "" });
  });

  test("says 125 when the image is not there, and leaves nothing", async () => {
    const run = await crib("run", "-q", `${bed.registry.host}/test/none:1`);
    expect(run.exitCode).toBe(125);
    expect(run.err).toStartWith("crib: ");
    expect(await crib("pods", "-q")).toEqual({ exitCode: 0, out: "", err: "" });
  });

  test("stops the container at the first Ctrl-C and removes it", async () => {
    const io = createTestIo({ address: `unix://${bed.engine.socket}` });
    const script = "trap 'echo stopping; exit 3' TERM; echo up; while :; do sleep 0.05; done";
    const exit = runCli(["run", "-q", busybox(), "sh", "-c", script], io);
    await waitUntil(() => io.out.includes("up"), { what: "the container runs" });
    io.interrupt();
    expect(await exit).toBe(3);
    expect(io.out).toBe("up\nstopping\n");
    expect((await crib("pods", "-q")).out).toBe("");
  });

  test("kills it at the second", async () => {
    const io = createTestIo({ address: `unix://${bed.engine.socket}` });
    const exit = runCli(
      ["run", "-q", busybox(), "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"],
      io,
    );
    await waitUntil(() => io.out.includes("up"), { what: "the container runs" });
    io.interrupt();
    io.interrupt();
    expect(await exit).toBe(137);
  });

  test("detached prints an id that the other verbs understand", async () => {
    const id = (
      await crib("run", "-q", "-d", "--name", "web", busybox(), "sh", "-c", "echo hi; exec sleep 1000")
    ).out.trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await crib("ps", "-q")).out).toBe(`${id}\n`);
    expect((await crib("ps")).out).toContain("crib-run/web");
    expect(await crib("exec", "web", "sh", "-c", "echo in; exit 5")).toEqual({ exitCode: 5, out: "in\n", err: "" });
    await waitUntil(async () => (await crib("logs", id.slice(0, 8))).out === "hi\n", { what: "the log has the line" });
    expect(JSON.parse((await crib("inspect", "web")).out)).toMatchObject({ kind: "container", status: { id } });
    expect((await crib("rm", "web")).err).toContain("is running");
    expect((await crib("rm", "-f", "web")).exitCode).toBe(0);
    expect((await crib("pods", "-q")).out).toBe("");
  });
});

describe("verbs over pods and containers", () => {
  test("logs begin at the tail, follow, and end with the container", async () => {
    const pod = await bed.runPod();
    const container = await bed.run(pod, {
      command: ["sh", "-c", "seq 1 100; while [ ! -e /go ]; do sleep 0.02; done; echo last; exit 4"],
    });
    await container.waitLog("100");
    const io = createTestIo({ address: `unix://${bed.engine.socket}` });
    const exit = runCli(["logs", "-f", "-n", "2", container.id], io);
    await waitUntil(() => io.out === "99\n100\n", { what: "the tail is shown" });
    await container.sh("touch /go");
    expect(await exit).toBe(0);
    expect(io.out).toBe("99\n100\nlast\n");
    expect((await crib("logs", "--timestamps", "-n", "1", container.id)).out).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z last\n$/,
    );
    expect((await crib("logs", "--since", "0s", container.id)).out).toBe("");
  });

  test("stop takes containers and pods", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    expect((await crib("stop", "-t", "1", container.id.slice(0, 12))).out).toBe(`stopped container ${container.id}\n`);
    expect((await crib("ps", "-q")).out).toBe("");
    expect((await crib("ps", "-a", "-q")).out).toBe(`${container.id}\n`);
    expect((await crib("stop", pod.id)).out).toBe(`stopped pod ${pod.id}\n`);
    expect((await crib("pods")).out).toContain("notready");
    expect((await crib("rm", pod.id)).exitCode).toBe(0);
    expect((await crib("pods", "--json")).out).toBe("[]\n");
  });

  test("stats show what a busy container uses", async () => {
    const container = await bed.run(await bed.runPod(), { command: ["sh", "-c", "while :; do :; done"] });
    const table = (await crib("stats", container.id)).out;
    const percent = Number(/^\S+\s+\S+\s+([\d.]+)/m.exec(table.split("\n")[1] ?? "")?.[1]);
    expect(percent).toBeGreaterThan(20);
    const parsed: unknown = JSON.parse((await crib("stats", "--json", container.id)).out);
    expect(parsed).toMatchObject([{ attributes: { id: container.id } }]);
  });

  test("an ambiguous prefix is refused with what it fits", async () => {
    const pod = await bed.runPod();
    await bed.runIdle(pod);
    const other = await bed.runPod();
    const name = `${pod.config.metadata?.namespace}/${pod.config.metadata?.name}`;
    expect((await crib("inspect", name)).exitCode).toBe(0);
    expect((await crib("inspect", "no-such-thing")).exitCode).toBe(1);
    expect(other.id).not.toBe(pod.id);
  });
});

describe("images", () => {
  test("are pulled, listed, inspected and removed", async () => {
    const reference = bed.registry.reference("entrypoint");
    const pull = await crib("pull", reference);
    expect(pull.exitCode).toBe(0);
    expect(pull.out.trim()).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await crib("images")).out).toContain("test/entrypoint");
    expect(JSON.parse((await crib("inspect", reference)).out)).toMatchObject({
      kind: "image",
      status: { repoTags: [reference] },
    });
    expect((await crib("run", "-q", reference, "more")).out).toBe("entrypoint more\n");
    expect(await crib("rmi", reference)).toEqual({ exitCode: 0, out: `removed ${reference}\n`, err: "" });
    expect((await crib("rmi", reference)).exitCode).toBe(1);
  });

  onlyCrib("has no progress")("a pull tells each layer's phases", async () => {
    const pull = await crib("pull", bed.registry.reference("whiteout"));
    expect(pull.err).toMatch(/pulling .*test\/whiteout:1 \(sha256:/);
    expect(pull.err).toMatch(/ done /);
    expect((await crib("rmi", "--unused")).exitCode).toBe(0);
    expect((await crib("images")).out).not.toContain("test/");
    expect((await crib("images")).out).toContain("crib.local/hello");
    await bed.pull("busybox");
  });
});

describe("the built-in image", () => {
  onlyCrib("has none")("is back when it is asked for after its removal", async () => {
    expect((await crib("rmi", "crib.local/hello")).exitCode).toBe(0);
    expect((await crib("run", "-q", "crib.local/hello", "exit", "6")).exitCode).toBe(6);
  });
});

describe("events", () => {
  onlyCrib("1.6 has no event stream")("tell a container's life in order", async () => {
    const io = createTestIo({ address: `unix://${bed.engine.socket}` });
    const exit = runCli(["events"], io);
    // Nothing says when the stream is live: a pod that came before it is followed by another.
    const pod = await waitUntil(
      async () => {
        const next = await bed.runPod();
        const told = () => io.out.includes(`started pod ${next.id.slice(0, 12)}`);
        return await waitUntil(() => told() && next, { what: "this pod's start is told", boundMs: 1_000 });
      },
      { what: "a pod's start is told" },
    );
    const container = await bed.run(pod, { command: ["true"] });
    await container.waitExit();
    await waitUntil(() => io.out.includes("stopped container"), { what: "the exit is told" });
    io.interrupt();
    expect(await exit).toBe(0);
    const kinds = io.out
      .split("\n")
      .filter((line) => line.includes(container.id.slice(0, 12)))
      .map((line) => line.split(" ")[1]);
    expect(kinds).toEqual(["created", "started", "stopped"]);
  });
});

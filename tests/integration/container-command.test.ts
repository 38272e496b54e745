import { describe, expect, test } from "bun:test";
import type { TestImageName } from "../fixtures/test-images.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed({ images: ["busybox", "entrypoint", "entrypoint-cmd", "no-command", "workdir"] });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("command and args with the image's Entrypoint and Cmd", () => {
  interface Row {
    readonly image: TestImageName;
    readonly command: string[];
    readonly args: string[];
    readonly says: string;
  }
  const rows: readonly Row[] = [
    { image: "entrypoint-cmd", command: [], args: [], says: "entrypoint cmd" },
    { image: "entrypoint-cmd", command: [], args: ["args"], says: "entrypoint args" },
    { image: "entrypoint-cmd", command: ["echo", "command"], args: [], says: "command" },
    { image: "entrypoint-cmd", command: ["echo", "command"], args: ["args"], says: "command args" },
    { image: "entrypoint", command: [], args: [], says: "entrypoint" },
    { image: "entrypoint", command: [], args: ["a", "b c"], says: "entrypoint a b c" },
    { image: "no-command", command: [], args: ["echo", "only args"], says: "only args" },
    { image: "no-command", command: ["echo"], args: [], says: "" },
    {
      image: "busybox",
      command: ["echo", "", "two  spaces", "$HOME", "ünï"],
      args: [],
      says: " two  spaces $HOME ünï",
    },
  ];
  for (const { image, command, args, says } of rows) {
    test(`${image} with command ${JSON.stringify(command)} and args ${JSON.stringify(args)}`, async () => {
      const container = await bed.run(await bed.runPod(), { image, command, args });
      expect((await container.waitExit()).exitCode).toBe(0);
      expect(await container.waitLog("\n")).toBe(`${says}\n`);
    });
  }

  test("nothing to run is refused when the container is created", async () => {
    const pod = await bed.runPod();
    const outcome = await outcomeOf(bed.create(pod, { image: "no-command" }));
    expect(outcome.code).not.toBe("OK");
    expect(outcome.message).toContain("no command");
  });
});

describe("environment", () => {
  test("has the image's variables, then the request's on top, values byte for byte", async () => {
    const envs = [
      { key: "FROM_REQUEST", value: bytes("a=b c\td") },
      { key: "EMPTY", value: bytes("") },
      { key: "FROM_IMAGE", value: bytes("overridden") },
    ];
    const lines = (await bed.output(await bed.runPod(), "env", { image: "workdir", envs })).split("\n");
    expect(lines).toContain("FROM_REQUEST=a=b c\td");
    expect(lines).toContain("EMPTY=");
    expect(lines).toContain("FROM_IMAGE=overridden");
    expect(lines).not.toContain("FROM_IMAGE=yes");
    expect(lines).toContain("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
  });

  test("tells the hostname, and TERM only with a terminal", async () => {
    const pod = await bed.runPod({ hostname: "named" });
    expect((await bed.output(pod, "env")).split("\n")).toContain("HOSTNAME=named");
    expect(await bed.output(pod, "echo term=$TERM")).toBe("term=");
    expect((await bed.output(pod, "echo term=$TERM", { tty: true })).trim()).toBe("term=xterm");
  });
});

describe("working directory", () => {
  test("is the image's, made when it is missing", async () => {
    expect(await bed.output(await bed.runPod(), "pwd", { image: "workdir" })).toBe("/made/by/the/engine");
  });

  test("is the request's when it names one, made too", async () => {
    const pod = await bed.runPod();
    expect(await bed.output(pod, "pwd", { image: "workdir", workingDir: "/quite/new" })).toBe("/quite/new");
    expect(await bed.output(pod, "pwd")).toBe("/");
  });

  test("that is a file fails the start", async () => {
    const pod = await bed.runPod();
    const work = bed.run(pod, { command: ["true"], workingDir: "/etc/passwd" });
    expect((await outcomeOf(work)).code).not.toBe("OK");
  });
});

describe("standard input and terminal", () => {
  test("without stdin, reading ends at once", async () => {
    expect(await bed.output(await bed.runPod(), "cat; echo end of input")).toBe("end of input");
  });

  test("with stdin, reading waits for somebody to attach", async () => {
    const container = await bed.run(await bed.runPod(), {
      command: ["sh", "-c", "echo ready; cat; echo no"],
      stdin: true,
    });
    await container.waitLog("ready");
    await Bun.sleep(150);
    expect(container.text()).toBe("ready\n");
  });

  test("a terminal is one, and is /dev/console", async () => {
    const script = "tty; test -t 0 && test -t 1 && test -t 2 && echo all; stat -c %F /dev/console";
    const text = await bed.output(await bed.runPod(), script, { tty: true, stdin: true });
    const lines = text.replaceAll("\r", "").split("\n");
    expect(lines[0]).toMatch(/^\/dev\/(pts\/0|console)$/);
    expect(lines.slice(1)).toEqual(["all", "character special file"]);
  });

  test("without a terminal there is none", async () => {
    expect(await bed.output(await bed.runPod(), "test -t 1 || echo none; test -e /dev/console || echo absent")).toBe(
      "none\nabsent",
    );
  });
});

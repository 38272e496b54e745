import { describe, expect, test } from "bun:test";
import { cli } from "../../../tests/fixtures/cli-io.ts";
import { startTestServer } from "../../../tests/fixtures/cri-server.ts";

describe("crib", () => {
  test("without a verb shows its help", async () => {
    const { exitCode, out } = await cli([]);
    expect(exitCode).toBe(0);
    expect(out).toContain("Exit codes:");
  });

  const wrong: readonly [argv: string[], words: string][] = [
    [["bogus"], "unknown command 'bogus'"],
    [["ps", "--bogus"], "unknown option '--bogus'"],
    [["logs"], "missing required argument"],
    [["exec", "-i", "--limit", "1s", "x", "sh"], "--limit"],
    [["cp", "x", "y"], "CONTAINER:PATH"],
    [["run", "--rm", "--keep", "x"], "contradict"],
    [["ps", "--address", "tcp://1.2.3.4:5"], "unix socket"],
    [["ps", "--timeout", "soon"], "duration"],
    [["rmi"], "--unused"],
    [["completion", "tcsh"], "bash, zsh, fish"],
    [["serve", "--listen", "tcp://0.0.0.0:1"], "unix socket"],
  ];
  test.each(wrong)("%j is a usage error on one line", async (argv, words) => {
    const { exitCode, out, err } = await cli(argv);
    expect(exitCode).toBe(2);
    expect(out).toBe("");
    expect(err).toStartWith("crib: ");
    expect(err.trimEnd()).not.toContain("\n");
    expect(err).toContain(words);
  });

  test("says where nobody answers and what to do, with its own exit code", async () => {
    for (const argv of [["ps"], ["pods"], ["images"], ["stats"], ["events"], ["stop", "x"], ["pull", "x"]]) {
      const { exitCode, err } = await cli(argv);
      expect([argv[0], exitCode]).toEqual([argv[0], 3]);
      expect(err).toContain("crib serve");
    }
  });

  test("run without a daemon does not promise what needs one", async () => {
    expect((await cli(["run", "-d", "x"])).err).toContain("--detach needs a daemon");
    expect((await cli(["run", "--keep", "x"])).err).toContain("--keep needs a daemon");
    expect((await cli(["run", "--address", "/nonexistent/s", "x"])).err).toContain("nobody answers");
  });

  test("every verb's help ends in examples that name the verb", async () => {
    const { out } = await cli(["--help"]);
    const names = [...out.matchAll(/^ {2}([a-z]+)(?= .*)/gm)]
      .map((match) => match[1] ?? "")
      .filter((name) => name !== "run" && name !== "help");
    expect(names.length).toBeGreaterThan(15);
    for (const name of ["run", ...names]) {
      const help = await cli([name, "--help"]);
      expect([name, help.exitCode]).toEqual([name, 0]);
      expect(help.out).toContain(`crib ${name}`);
      expect(help.out).toContain("Examples:");
    }
  });

  test("colours a terminal only", async () => {
    await using server = await startTestServer();
    const address = server.path;
    expect((await cli(["images"], { address, terminal: true })).out).toContain("\u001b[1m");
    expect((await cli(["images"], { address })).out).not.toContain("\u001b");
  });
});

describe("against a daemon", () => {
  test("version tells both sides, as JSON too", async () => {
    await using server = await startTestServer();
    const { out } = await cli(["version", "--json"], { address: server.path });
    expect(JSON.parse(out)).toMatchObject({
      specs: { cri: "v1" },
      bun: Bun.version,
      daemon: { name: "crib", version: "1.2.3" },
    });
    expect(JSON.parse((await cli(["version", "--json"])).out)).toMatchObject({ daemon: null });
  });

  test("a password comes from standard input, and only together with a user", async () => {
    await using server = await startTestServer();
    expect((await cli(["pull", "-u", "me", "x"], { address: server.path })).exitCode).toBe(2);
    expect((await cli(["pull", "--password-stdin", "x"], { address: server.path, stdin: "s" })).exitCode).toBe(2);
  });

  test("rm tells of each target and goes on after a failure", async () => {
    await using server = await startTestServer();
    const { exitCode, err } = await cli(["rm", "one", "two"], { address: server.path });
    expect(exitCode).toBe(1);
    expect(err).toBe('crib: pod or container "one" not found\ncrib: pod or container "two" not found\n');
  });
});

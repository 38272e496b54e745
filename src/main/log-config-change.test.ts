import { expect, test } from "bun:test";
import type { Config } from "../config/config.ts";
import { defaultConfig } from "../config/defaults.ts";
import { loadConfig } from "../config/load-config.ts";
import type { AdjustableLog, LogLevel } from "../observe/pino-log.ts";
import { logConfigChange } from "./log-config-change.ts";

function reloaded(reload: () => Config) {
  const lines: (readonly [Readonly<Record<string, unknown>>, string])[] = [];
  const levels: LogLevel[] = [];
  const write = (fields: Readonly<Record<string, unknown>>, message: string) => void lines.push([fields, message]);
  const log: AdjustableLog = {
    debug: write,
    info: write,
    warn: write,
    error: write,
    setLevel: (level) => void levels.push(level),
  };
  logConfigChange(defaultConfig, reload, log);
  return { line: lines[0], levels };
}

test("a reload takes the log level over and names what has to wait", () => {
  const text = 'root = "/other"\n[log]\nlevel = "debug"\n[network]\nmtu = 1400';
  const { line, levels } = reloaded(() => loadConfig({ files: [{ path: "f", text }], flags: {} }));
  expect(levels).toEqual(["debug"]);
  expect(line).toEqual([{ logLevel: "debug", waitForRestart: ["root", "network"] }, "configuration reloaded"]);
});

test("a broken file changes nothing", () => {
  const { line, levels } = reloaded(() => loadConfig({ files: [{ path: "f", text: "rot = 1" }], flags: {} }));
  expect(levels).toEqual([]);
  expect(line?.[1]).toBe("configuration not reloaded");
});

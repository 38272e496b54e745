import { describe, expect, test } from "bun:test";
import { parseHostPath } from "../ids/path.ts";
import type { Config } from "./config.ts";
import { defaultConfig } from "./defaults.ts";
import { changedSettings, settings, settingValue, withSettings } from "./settings.ts";

/** The ends of a configuration, but for what an operator names. */
function leaves(value: object, path: readonly string[] = []): readonly string[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner) && name !== "handlers"
      ? leaves(inner, [...path, name])
      : [[...path, name].join(".")],
  );
}

test("every setting says what becomes of it when the configuration is read again", () => {
  expect(settings.map(({ path }) => path.join(".")).toSorted()).toEqual([...leaves(defaultConfig)].toSorted());
});

describe("what differs", () => {
  const tls = { certFile: parseHostPath("/c"), keyFile: parseHostPath("/k") };
  const other: Config = {
    ...defaultConfig,
    root: parseHostPath("/other"),
    images: { ...defaultConfig.images, pinned: ["a"] },
    streaming: { ...defaultConfig.streaming, tls },
  };
  const changed = changedSettings(defaultConfig, other);

  test("is named as the file has it", () => {
    expect(changed.map(({ key }) => key)).toEqual([
      "root",
      "images.pinned",
      "streaming.tls_cert_file, streaming.tls_key_file",
    ]);
    expect(changedSettings(defaultConfig, { ...defaultConfig })).toEqual([]);
  });

  test("can be taken setting by setting, also to what is not there", () => {
    expect(withSettings(defaultConfig, other, changed)).toEqual(other);
    expect(withSettings(other, defaultConfig, changed)).toEqual(defaultConfig);
    const pinned = changed.filter(({ key }) => key === "images.pinned");
    const mixed = withSettings(defaultConfig, other, pinned);
    expect([mixed.root, mixed.images.pinned] as unknown[]).toEqual([defaultConfig.root, ["a"]]);
    expect(pinned.map((setting) => settingValue(mixed, setting))).toEqual([["a"]]);
  });
});

import { expect, test } from "bun:test";
import { loadConfig } from "../../config/load-config.ts";
import { parseConfigSetting } from "./config-setting.ts";

function load(...settings: string[]) {
  return loadConfig({ files: settings.map(parseConfigSetting), flags: {} });
}

test("settings are configuration like any other, the last one wins", () => {
  const config = load("network.bridge=crib1", "network.subnet=10.9.0.0/24", "network.mtu=1400", "network.bridge=crib2");
  expect(config.network).toEqual({ bridge: "crib2", subnet: "10.9.0.0/24", mtu: 1400, antiSpoofing: true });
  expect(load('images.pinned=["a/b:1"]').images.pinned).toEqual(["a/b:1"]);
});

test.each(["", "=x", "network", "Network.bridge=x", "a b=c", "network.bridge\n=x"])("%j is refused", (text) => {
  expect(() => parseConfigSetting(text)).toThrow("key=value");
});

test("an unknown key and a value that smuggles a line are refused by name", () => {
  expect(() => load("network.colour=red")).toThrow("network.colour");
  expect(() => load("network.bridge=x\nroot = '/'")).toThrow("--set network.bridge");
});

import type { ConfigSource } from "../../config/load-config.ts";
import { invalidArgument } from "../../errors/crib-error.ts";

/** Values that are TOML as they stand; anything else is taken as a string, so that a shell needs no second quotes. */
const toml = /^(?:\[.*\]|".*"|'.*'|-?\d+|true|false)$/;

/** `network.bridge=crib1` → one more configuration file, of one line, read after all others. @throws {CribError} invalid-argument. */
export function parseConfigSetting(text: string): ConfigSource {
  const at = text.indexOf("=");
  const key = text.slice(0, Math.max(0, at));
  if (!/^[a-z_]+(?:\.[a-z_]+)*$/.test(key))
    throw invalidArgument(`setting ${JSON.stringify(text)} is not key=value, such as network.bridge=crib1`);
  const value = text.slice(at + 1);
  return { path: `--set ${key}`, text: `${key} = ${toml.test(value) ? value : JSON.stringify(value)}\n` };
}

// Installs what a verb needs and is not there: `node scripts/setup.mjs build|demo|test|bench`. Plain Node without
// dependencies, because it runs before there are any. Quiet when everything is there.
import { installDebianPackages } from "./setup/debian.mjs";
import { installNodeModules } from "./setup/npm.mjs";

const verb = process.argv[2] ?? "build";
try {
  installNodeModules();
  installDebianPackages(verb);
} catch (error) {
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = 1;
}

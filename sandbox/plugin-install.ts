import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

/** Puts the stand-in plugins and language host where the engine looks for them, each bundled to one file: a third of the start. */

const CHECKOUT = dirname(__dirname);

/** Stand-in plugins by name; each version is the one the SDK asks for. */
const STAND_INS: Readonly<Record<string, string>> = {
  vsphere: "4.18.2",
  command: "1.2.1",
  random: "4.21.2",
  tls: "5.6.1",
  vault: "7.8.0",
  kubernetes: "4.34.2",
  rancher2: "13.0.0",
};

/** What ssh2 takes when it is there: compiled parts, which no bundle can hold. */
const COMPILED = ["*.node", "cpu-features"];

/** Bundles a TypeScript file of this checkout and writes an executable that runs it. Replaced at once: it may be running. */
async function install(executable: string, source: string): Promise<void> {
  const bundle = `${executable}.cjs`;
  mkdirSync(dirname(executable), { recursive: true });
  await build({
    entryPoints: [join(CHECKOUT, source)],
    outfile: `${bundle}.new`,
    bundle: true,
    platform: "node",
    target: "node20",
    external: COMPILED,
    logLevel: "error",
  });
  renameSync(`${bundle}.new`, bundle);
  writeFileSync(`${executable}.new`, `#!/bin/sh\nexec "${process.execPath}" "${bundle}" "$@"\n`);
  chmodSync(`${executable}.new`, 0o755);
  renameSync(`${executable}.new`, executable);
}

/** Installs every stand-in, or with SANDBOX_PLUGINS=official only those for what the sandbox does not have. */
export async function installPlugins(home: string): Promise<void> {
  const official = process.env["SANDBOX_PLUGINS"] === "official";
  const wanted = Object.entries(STAND_INS).filter(([name]) => !official || name === "vsphere");
  await Promise.all(
    wanted.map(([name, version]) =>
      install(join(home, "plugins", `resource-${name}-v${version}`, `pulumi-resource-${name}`), `sandbox/plugins/${name}.ts`),
    ),
  );
}

/** The folder of the Node language host: the official CLI brings it along; one built from the Go module has none. */
export async function languageHost(root: string, home: string): Promise<string> {
  if (existsSync(join(root, "bin/pulumi-language-nodejs"))) return join(root, "bin");
  await install(join(home, "language-host/pulumi-language-nodejs"), "sandbox/language-host/main.ts");
  return join(home, "language-host");
}

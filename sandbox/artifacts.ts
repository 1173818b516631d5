import { createHash } from "node:crypto";
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { artifactVersion } from "../src/remote/artifact";
import { VERSIONS } from "../src/config/versions";
import type { ArtifactName } from "../src/config/versions";
import { readStackFile } from "../src/config/stack-file";
import { run } from "./process";
import { cacheFolder } from "./sandbox";

/** The archives that a real template would carry in mirrored mode, with the sandbox's own builds and stand-ins in them. */

const CHECKOUT = dirname(__dirname);
const RECIPE = [
  "sandbox/artifacts/build.sh",
  "sandbox/artifacts/gogs.py",
  "tools/registry/go.sum",
  "tools/versitygw/go.sum",
  "src/config/versions.ts",
  "Pulumi.sandbox.yaml",
];
const BUILD_SECONDS = 1800;

/** Which program of build.sh stands for which artifact. */
const PROGRAMS: Readonly<Partial<Record<ArtifactName, string>>> = {
  registry: "registry",
  backupStore: "versitygw",
  openbao: "bao",
  gogs: "gogs",
};

function keyOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of files) hash.update(readFileSync(join(CHECKOUT, path)));
  return hash.digest("hex").slice(0, 12);
}

async function programs(say: (line: string) => void): Promise<string> {
  const folder = join(cacheFolder(), "programs", keyOf(RECIPE.slice(0, 4)));
  if (existsSync(folder)) return folder;
  say("programs for the machines: building registry and backup store, fetching OpenBao, once, about 4 minutes");
  mkdirSync(dirname(folder), { recursive: true });
  await run(join(CHECKOUT, "sandbox/artifacts/build.sh"), [folder], { timeoutSeconds: BUILD_SECONDS });
  return folder;
}

/** Packs one program the way its publisher does: same archive name, same place in it. */
async function pack(program: string, name: ArtifactName, version: string, folder: string): Promise<string> {
  const fill = (text: string): string => text.replaceAll("{version}", version);
  const { url, member } = VERSIONS[name].artifact;
  const archive = join(folder, basename(fill(url)));
  const content = join(folder, `${name}.content`);
  const path = join(content, fill(member));
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(program, path);
  if (archive.endsWith(".zip")) await run("python3", ["-m", "zipfile", "-c", archive, fill(member).split("/")[0] ?? ""], { cwd: content });
  else await run("tar", ["--use-compress-program", "gzip -1", "-cf", archive, "-C", content, fill(member)]);
  rmSync(content, { recursive: true });
  return archive;
}

/** Makes the archives once and leaves them, with their checksums, in `target`, which machines see. */
export async function provideArtifacts(target: string, say: (line: string) => void): Promise<void> {
  const folder = join(cacheFolder(), "artifacts", keyOf(RECIPE));
  if (!existsSync(folder)) {
    const from = await programs(say);
    const { config } = readStackFile(join(CHECKOUT, "Pulumi.sandbox.yaml"));
    const work = `${folder}.${process.pid}`;
    mkdirSync(work, { recursive: true });
    const lines: string[] = [];
    for (const [name, program] of Object.entries(PROGRAMS) as [ArtifactName, string][]) {
      const archive = await pack(join(from, program), name, artifactVersion(config, name), work);
      lines.push(`${createHash("sha256").update(readFileSync(archive)).digest("hex")}  ${basename(archive)}\n`);
    }
    writeFileSync(join(work, "SHA256SUMS"), lines.join(""));
    renameSync(work, folder);
  }
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(folder)) {
    rmSync(join(target, name), { force: true });
    try {
      linkSync(join(folder, name), join(target, name));
    } catch {
      copyFileSync(join(folder, name), join(target, name));
    }
  }
}

import type { PlatformConfig } from "../config/schema";
import type { Artifact, ArtifactName, VersionName } from "../config/versions";
import { VERSIONS } from "../config/versions";
import { managedFile, scriptFile, scriptPath } from "./bundle";
import type { ManagedFile, Step } from "./bundle";

/** Longest a download may take, checks and unpacking included. */
const SECONDS = 900;

/** Where the program of an artifact is on a machine, whatever its version. */
export function programPath(name: ArtifactName): string {
  return `/opt/platform/${name}/program`;
}

/** The version of a thing that this configuration installs, without a leading v. */
export function artifactVersion(config: Pick<PlatformConfig, "versions">, name: VersionName): string {
  return (config.versions[name] ?? VERSIONS[name].version).replace(/^v/, "");
}

/**
 * Files and step that put a program on a machine: fetched from upstream, or in mirrored mode found on the machine's
 * template, and never used before its checksum has matched.
 */
export function artifact(
  config: Pick<PlatformConfig, "versions" | "checksums" | "artifacts" | "proxy">,
  name: ArtifactName,
): { readonly files: readonly ManagedFile[]; readonly step: Step } {
  const version = artifactVersion(config, name);
  const { url, sha256, checksums, member, whole }: Artifact = VERSIONS[name].artifact;
  const fill = (text: string): string => text.replaceAll("{version}", version);
  const tested = version === VERSIONS[name].version.replace(/^v/, "");
  const install = `install-${name}.sh`;
  return {
    files: [
      managedFile(
        `/etc/platform/artifacts.d/${name}`,
        [
          `version ${version}`,
          // A plus sign in a path would be read as a space.
          `url ${fill(url).replaceAll("+", "%2B")}`,
          // A mirror's own list stands in for what the program cannot know.
          `sha256 ${config.checksums[name] ?? (tested && sha256 !== undefined ? sha256 : "listed")}`,
          `checksums ${checksums ?? "none"}`,
          `member ${fill(member)}`,
          `whole ${whole === true ? "yes" : "no"}`,
          `mode ${config.artifacts.mode}`,
          `proxy ${config.proxy?.url ?? "none"}`,
          "",
        ].join("\n"),
      ),
      { ...scriptFile("artifacts", __dirname, "install-artifact.sh"), path: scriptPath("artifacts", install) },
    ],
    step: { name: `install ${name}`, path: scriptPath("artifacts", install), timeoutSeconds: SECONDS },
  };
}

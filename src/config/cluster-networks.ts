import { overlap, parseCidr } from "../network/ipv4";
import type { Cidr } from "../network/ipv4";
import type { Problem } from "./problems";
import type { PlatformConfig } from "./schema";

/** Networks of pods and services live inside the clusters: an address that is also somewhere else could not be reached from there. */

type Named = readonly [what: string, text: string, cidr: Cidr];

/** Room for 256 nodes of 256 pods each, and for the services of a large cluster. */
const LONGEST_PREFIX = { podNetwork: 16, serviceNetwork: 20 } as const;

function named(what: string, text: string): readonly Named[] {
  const cidr = parseCidr(text);
  return cidr === undefined ? [] : [[what, text, cidr]];
}

/** What a node or a pod may want to talk to, or be talked to from. */
function elsewhere(zones: PlatformConfig["zones"], access: PlatformConfig["access"] | undefined): readonly Named[] {
  return [
    ...Object.entries(zones).flatMap(([zone, { cidr }]) => named(`zone ${zone}`, cidr)),
    ...Object.entries(zones).flatMap(([zone, { dns, ntp }]) =>
      [...dns, ...ntp].flatMap((address) => named(`a server of zone ${zone}`, `${address}/32`)),
    ),
    ...(["administratorNetworks", "deployerNetworks", "userNetworks"] as const).flatMap((key) =>
      (access?.[key] ?? []).filter((each) => !each.endsWith("/0")).flatMap((each) => named(`access.${key}`, each)),
    ),
  ];
}

export function clusterNetworkProblems(
  clusters: PlatformConfig["clusters"],
  zones: PlatformConfig["zones"],
  access: PlatformConfig["access"] | undefined,
): readonly Problem[] {
  const others = elsewhere(zones, access);
  return (["podNetwork", "serviceNetwork"] as const).flatMap((key): Problem[] => {
    const text = clusters[key];
    const path = `platform:clusters.${key}`;
    return named(key, text).flatMap(([, , cidr]): Problem[] => {
      const also = key === "serviceNetwork" ? named("clusters.podNetwork", clusters.podNetwork) : [];
      const taken = [...also, ...others].filter(([, , other]) => overlap(cidr, other)).slice(0, 1);
      const prefix = Number(text.split("/")[1]);
      return [
        ...taken.map(([what, other]) => ({
          path,
          message: `${text} overlaps ${other} of ${what}`,
          remedy: "Choose a private network that is used nowhere else, such as 10.42.0.0/16 or 172.28.0.0/16",
        })),
        ...(prefix > LONGEST_PREFIX[key]
          ? [
              {
                path,
                message: `${text} is too small: /${LONGEST_PREFIX[key]} at least`,
                remedy: `Write a network of /${LONGEST_PREFIX[key]} or larger`,
              },
            ]
          : []),
      ];
    });
  });
}

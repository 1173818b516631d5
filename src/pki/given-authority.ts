import { createPrivateKey, X509Certificate } from "node:crypto";

/** An authority that an operator brings: its own certificate and those above it, in PEM. */
export interface GivenAuthority {
  readonly issuingCertificate: string;
  readonly chain: string;
}

/** What is wrong with it, in the form of the configuration's problems. */
export interface AuthorityProblem {
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
}

/** An authority that ends sooner cannot give its services certificates worth having. */
const LEAST_DAYS_LEFT = 30;
const MS_PER_DAY = 24 * 60 * 60 * 1000;

const ISSUING = "platform:tls.issuingCertificate";
const CHAIN = "platform:tls.chain";

function certificatesIn(pem: string): readonly X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map((each) => new X509Certificate(each));
}

function readable(path: string, pem: string): readonly X509Certificate[] | AuthorityProblem {
  try {
    return certificatesIn(pem);
  } catch {
    return {
      path,
      message: "holds a certificate that cannot be read",
      remedy: "Paste the PEM again, from BEGIN to END, all lines indented alike",
    };
  }
}

function subject(certificate: X509Certificate): string {
  return certificate.subject.split("\n").join(", ");
}

function own(path: string, certificate: X509Certificate, now: Date): readonly AuthorityProblem[] {
  const problems: AuthorityProblem[] = [];
  const daysLeft = Math.floor((new Date(certificate.validTo).getTime() - now.getTime()) / MS_PER_DAY);
  if (!certificate.ca) {
    problems.push({
      path,
      message: `${subject(certificate)} is not an authority's certificate (CA:TRUE is missing)`,
      remedy: "Bring the certificate of the authority, not of a server",
    });
  }
  if (daysLeft < LEAST_DAYS_LEFT) {
    problems.push({
      path,
      message: `${subject(certificate)} ends on ${certificate.validTo}, in ${daysLeft} days; at least ${LEAST_DAYS_LEFT} must be left`,
      remedy: "Have it renewed",
    });
  }
  if (new Date(certificate.validFrom) > now) {
    problems.push({
      path,
      message: `${subject(certificate)} begins only on ${certificate.validFrom}`,
      remedy: "Wait until then, or bring one that is valid now",
    });
  }
  return problems;
}

/** Whether each certificate was signed by the next, and the last by itself. */
function linked(certificates: readonly X509Certificate[]): readonly AuthorityProblem[] {
  return certificates.flatMap((certificate, index): AuthorityProblem[] => {
    const issuer = certificates[index + 1] ?? certificate;
    if (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) return [];
    const message =
      issuer === certificate
        ? `${subject(certificate)} is the last one and not a root: nothing here signed it`
        : `${subject(certificate)} was not signed by the next one, ${subject(issuer)}`;
    return [{ path: CHAIN, message, remedy: "Order them from the issuing authority's signer up to the root" }];
  });
}

/** Everything wrong with the certificates: unreadable, no authority, expired, not one chain. */
export function authorityProblems(given: GivenAuthority, now: Date): readonly AuthorityProblem[] {
  const issuing = readable(ISSUING, given.issuingCertificate);
  const chain = readable(CHAIN, given.chain);
  if ("path" in issuing || "path" in chain) return [issuing, chain].flatMap((each) => ("path" in each ? [each] : []));
  if (issuing.length !== 1) {
    return [
      { path: ISSUING, message: `holds ${issuing.length} certificates, expected one`, remedy: "Move those above it to platform:tls.chain" },
    ];
  }
  return [
    ...issuing.flatMap((certificate) => own(ISSUING, certificate, now)),
    ...chain.flatMap((certificate) => own(CHAIN, certificate, now)),
    ...linked([...issuing, ...chain]),
  ];
}

/** Whether `key`, PEM, belongs to the issuing certificate. Never shows the key. */
export function keyProblems(given: GivenAuthority, key: string): readonly AuthorityProblem[] {
  const path = "platform:secrets.tlsIssuingKey";
  const [issuing] = certificatesIn(given.issuingCertificate);
  try {
    if (issuing?.checkPrivateKey(createPrivateKey(key)) === true) return [];
  } catch {
    return [
      { path, message: "is no private key in PEM that can be read without a passphrase", remedy: "Set it again from the key's file" },
    ];
  }
  return [{ path, message: "is not the key of platform:tls.issuingCertificate", remedy: "Set the key that belongs to it" }];
}

/** The root of the chain: what every machine must trust. */
export function rootOf(given: GivenAuthority): string {
  const all = certificatesIn(given.chain);
  return `${(all[all.length - 1] ?? new X509Certificate(given.issuingCertificate)).toString().trim()}\n`;
}

/** The certificates between a server's own and the root, as a server shows them. The authority must be valid. */
export function intermediatesOf(given: GivenAuthority): string {
  const root = rootOf(given).trim();
  const above = given.chain.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return [given.issuingCertificate.trim(), ...above.map((each) => each.trim()).filter((each) => each !== root)]
    .map((each) => `${each}\n`)
    .join("");
}

import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { PlatformConfig } from "../config/schema";
import type { PlatformSecrets } from "../config/load";
import { intermediatesOf, rootOf } from "./given-authority";

export interface AuthorityArgs {
  readonly config: Pick<PlatformConfig, "tls" | "domain">;
  readonly secrets: PlatformSecrets;
}

const HOURS_PER_YEAR = 365 * 24;
const ROOT_YEARS = 20;
const ISSUING_YEARS = 10;
/** P-384: CNSA's curve for authorities. */
const KEY = { algorithm: "ECDSA", ecdsaCurve: "P384" };
const AUTHORITY_USES = ["cert_signing", "crl_signing"];

/** The authority behind every certificate of the platform: made here, or the organisation's own. */
export class Authority extends pulumi.ComponentResource {
  /** What every machine trusts, PEM. */
  public readonly rootCertificate: pulumi.Output<string>;
  /** Signs the platform's certificates, PEM. */
  public readonly issuingCertificate: pulumi.Output<string>;
  public readonly issuingKey: pulumi.Output<string>;
  /** What a server shows after its own certificate: the issuing authority and those between it and the root, PEM. */
  public readonly intermediates: pulumi.Output<string>;

  constructor(name: string, args: AuthorityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:pki:Authority", name, {}, opts);
    const { tls: material, domain } = args.config;
    if (material.source === "provided") {
      this.rootCertificate = pulumi.output(rootOf(material));
      this.issuingCertificate = pulumi.output(material.issuingCertificate);
      this.issuingKey = args.secrets.require("tlsIssuingKey");
      this.intermediates = pulumi.output(intermediatesOf(material));
    } else {
      // Lost, the root could sign nothing new and every machine would have to trust another one.
      const lasting = { parent: this, protect: true };
      const rootKey = new tls.PrivateKey(`${name}-root-key`, KEY, lasting);
      const root = new tls.SelfSignedCert(
        `${name}-root`,
        {
          privateKeyPem: rootKey.privateKeyPem,
          subject: { commonName: `${domain} root`, organization: domain },
          allowedUses: AUTHORITY_USES,
          isCaCertificate: true,
          validityPeriodHours: ROOT_YEARS * HOURS_PER_YEAR,
        },
        lasting,
      );
      const issuingKey = new tls.PrivateKey(`${name}-issuing-key`, KEY, lasting);
      const request = new tls.CertRequest(
        `${name}-issuing-request`,
        { privateKeyPem: issuingKey.privateKeyPem, subject: { commonName: `${domain} issuing authority`, organization: domain } },
        { parent: this },
      );
      const issuing = new tls.LocallySignedCert(
        `${name}-issuing`,
        {
          certRequestPem: request.certRequestPem,
          caPrivateKeyPem: rootKey.privateKeyPem,
          caCertPem: root.certPem,
          allowedUses: AUTHORITY_USES,
          isCaCertificate: true,
          maxPathLength: 0,
          validityPeriodHours: ISSUING_YEARS * HOURS_PER_YEAR,
        },
        lasting,
      );
      this.rootCertificate = root.certPem;
      this.issuingCertificate = issuing.certPem;
      this.issuingKey = pulumi.secret(issuingKey.privateKeyPem);
      this.intermediates = issuing.certPem;
    }
    this.registerOutputs({ rootCertificate: this.rootCertificate });
  }
}

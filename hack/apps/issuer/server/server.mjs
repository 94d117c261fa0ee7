// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// An issuer of access tokens made of oidc-provider. Ours is its configuration: clients that get tokens for themselves (RFC 6749 §4.4), for any audience
// that they name (RFC 8707), as JSON Web Tokens (RFC 9068). Its keys are new with every start, so that a restart is a rotation.
//
// Environment: PORT, CLIENTS (name:secret, separated by commas), CERTIFICATE and KEY (PEM).

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:https";
import { Provider } from "oidc-provider";

const { PORT, CLIENTS, CERTIFICATE, KEY } = process.env;

const key = (type, options, alg) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg });

const provider = new Provider(`https://127.0.0.1:${PORT}`, {
  clients: CLIENTS.split(",").map((client) => client.split(":")).map(([client_id, client_secret]) => ({
    client_id, client_secret, grant_types: ["client_credentials"], response_types: [], redirect_uris: [],
  })),
  jwks: { keys: [key("rsa", { modulusLength: 2048 }, "RS256"), key("ec", { namedCurve: "P-256" }, "ES256")] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        audience: resource, scope: "scim", accessTokenFormat: "jwt", accessTokenTTL: 300,
        jwt: { sign: { alg: resource.endsWith("/ES256") ? "ES256" : "RS256" } },
      }),
    },
  },
});

const answer = provider.callback();
createServer({ cert: CERTIFICATE, key: KEY }, (request, response) => (request.url === "/ready" ? response.end() : answer(request, response))).listen(Number(PORT), "127.0.0.1");

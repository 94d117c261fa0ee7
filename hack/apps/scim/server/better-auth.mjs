// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// A small application with Better Auth: people sign in by e-mail address and password, and a directory keeps its users and groups over SCIM. Who
// may sign in, what SCIM answers and what becomes of sessions is Better Auth's; ours is only what its documentation leaves to the application:
// an inactive user is banned, a group is a role, and what is below /app and /admin.
//
// Environment: PORT, SCIM_TOKEN (what a directory needs), READER_TOKEN (may read only), ADMIN_TOKEN (of the administrator of the application).

import { randomBytes, scryptSync } from "node:crypto";
import http from "node:http";
import { PGlite } from "@electric-sql/pglite";
import { kyselyAdapter } from "@better-auth/kysely-adapter";
import { scim } from "@better-auth/scim";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { fromNodeHeaders, toNodeHandler } from "better-auth/node";
import { admin } from "better-auth/plugins";
import { Kysely, PGliteDialect } from "kysely";

const { PORT, SCIM_TOKEN, READER_TOKEN, ADMIN_TOKEN } = process.env;
const url = `http://127.0.0.1:${PORT}`;
const db = new Kysely({ dialect: new PGliteDialect({ pglite: await PGlite.create() }) });

// Groups become roles, by their names. Nobody has a role that is not active.
const projection = {
  roles: { map: ({ source }) => [source.displayName], exists: () => true },
  reconcileUser: ({ userId, active, grants }, { database }) =>
    set(database, userId, { role: active ? grants.map((g) => g.role).join(",") : "" }),
};

// Who is not active is banned. The address of who was deleted is free for somebody else.
const identity = {
  reconcileUser: ({ userId, active, sources }, { database }) =>
    set(database, userId, { banned: !active, ...(sources.length ? {} : { email: `${userId}@deleted.invalid` }) }),
};

const set = (database, userId, update) => database.update({ model: "user", where: [{ field: "id", value: userId }], update });

const cheap = (password, salt) => `${salt}:${scryptSync(password, salt, 32, { N: 256 }).toString("hex")}`;

const options = {
  baseURL: url,
  secret: ADMIN_TOKEN + ADMIN_TOKEN,
  database: kyselyAdapter(db, { type: "postgres", transaction: true }),
  emailAndPassword: {
    enabled: true,
    disableSignUp: true,
    // The passwords of a demo are worth nothing: a cheap hash leaves the machine to what is measured.
    password: {
      hash: async (password) => cheap(password, randomBytes(8).toString("hex")),
      verify: async ({ hash, password }) => hash === cheap(password, hash.split(":")[0]),
    },
  },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
  plugins: [
    admin(),
    scim({
      connections: [{
        id: "scim-operator",
        credentials: [
          { type: "bearer", id: "operator", token: SCIM_TOKEN },
          { type: "bearer", id: "reader", token: READER_TOKEN, scopes: ["scim.users.read", "scim.groups.read"] },
        ],
      }],
      identity,
      projection,
    }),
  ],
};

await (await getMigrations({ ...options, database: { db, type: "postgres" } })).runMigrations();
const auth = betterAuth(options);
const context = await auth.$context;
const handle = toNodeHandler(auth);

// password gives a user a password, as an administrator does who sends a link to set one.
async function password({ email, password }) {
  const found = await context.internalAdapter.findUserByEmail(email);
  if (!found) return 404;
  const hash = await context.password.hash(password);
  const accounts = await context.internalAdapter.findAccounts(found.user.id);
  if (accounts.length) await context.internalAdapter.updatePassword(found.user.id, hash);
  else await context.internalAdapter.createAccount({ userId: found.user.id, providerId: "credential", accountId: found.user.id, password: hash });
  return 204;
}

// page is a page of the application: who is signed in sees it, and one below /app/role only with that role.
async function page(request) {
  const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers), query: { disableCookieCache: true } });
  if (!session) return 401;
  const role = decodeURIComponent(request.url.match(/^\/app\/role\/(.+)$/)?.[1] ?? "");
  return !role || (session.user.role ?? "").split(",").includes(role) ? 204 : 403;
}

async function route(request, response) {
  if (request.url.startsWith("/api/auth/")) return handle(request, response);
  let status = 404;
  if (request.url.startsWith("/app")) status = await page(request);
  else if (request.url === "/ready") status = 200;
  else if (request.headers.authorization !== `Bearer ${ADMIN_TOKEN}`) status = 401;
  else if (request.url === "/admin/password") {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    status = await password(JSON.parse(Buffer.concat(chunks)));
  }
  response.writeHead(status).end();
}

http.createServer((request, response) => {
  route(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(Number(PORT), "127.0.0.1");

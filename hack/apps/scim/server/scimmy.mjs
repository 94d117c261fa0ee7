// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// A SCIM server made of SCIMMY, which does the protocol, and express. Ours is where it keeps things, which is in memory, and a log-in without a
// password for tests: SCIMMY has none.
//
// Environment: PORT, SCIM_TOKEN, READER_TOKEN (may read only), ADMIN_TOKEN.

import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const { PORT, SCIM_TOKEN, READER_TOKEN, ADMIN_TOKEN } = process.env;
const users = new Map(), groups = new Map();
const now = () => new Date().toISOString();

const find = (items, id) => items.get(id) ?? (() => { throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`); })();
const membersOf = (group) => group.members ?? [];
const groupsOf = (id) => [...groups.values()].filter((g) => membersOf(g).some((m) => m.value === id))
  .map((g) => ({ value: g.id, display: g.displayName, type: "direct" }));
const shown = (user) => ({ ...user, groups: groupsOf(user.id) });

// store keeps a resource whose name nobody else has.
function store(items, name, resource, data) {
  const taken = [...items.values()].some((i) => i.id !== resource.id && i[name].toLowerCase() === data[name].toLowerCase());
  if (taken) throw new SCIMMY.Types.Error(409, "uniqueness", `${name} is taken`);
  const old = resource.id ? find(items, resource.id) : { id: randomUUID(), meta: { created: now() } };
  const kept = { ...data, id: old.id, meta: { ...old.meta, lastModified: now() } };
  items.set(kept.id, kept);
  return kept;
}

// forget takes users away, and out of their groups.
function forget(ids) {
  for (const id of ids) users.delete(id);
  for (const g of groups.values()) g.members = membersOf(g).filter((m) => users.has(m.value));
}

const egress = (items, show = (item) => item) => (resource) => {
  if (resource.id) return show(find(items, resource.id));
  const all = [...items.values()].map(show);
  return resource.filter ? resource.filter.match(all) : all;
};

SCIMMY.Resources.declare(SCIMMY.Resources.User).extend(SCIMMY.Schemas.EnterpriseUser)
  .ingress((resource, data) => shown(store(users, "userName", resource, JSON.parse(JSON.stringify(data)))))
  .egress(egress(users, shown))
  .degress((resource) => {
    find(users, resource.id);
    forget([resource.id]);
  });
SCIMMY.Resources.declare(SCIMMY.Resources.Group)
  .ingress((resource, data) => store(groups, "displayName", resource, JSON.parse(JSON.stringify(data))))
  .egress(egress(groups))
  .degress((resource) => { find(groups, resource.id); groups.delete(resource.id); });

// authorize knows who may do what: the directory everything, the reader nothing but GET.
function authorize(request) {
  const token = request.header("Authorization");
  if (token === `Bearer ${SCIM_TOKEN}`) return "";
  if (token !== `Bearer ${READER_TOKEN}`) throw new Error("unknown token");
  if (request.method !== "GET") throw new SCIMMY.Types.Error(403, null, "read only");
  return "";
}

const app = express();
app.get("/ready", (request, response) => response.sendStatus(200));
app.use("/app", (request, response, next) => {
  if (request.header("Authorization") === `Bearer ${ADMIN_TOKEN}`) next();
  else response.sendStatus(401);
});
// Whoever the administrator says that knocks is let in if active, and to a role if a member.
app.get("/app/login", ({ query }, response) => {
  const user = [...users.values()].find((u) => u.userName.toLowerCase() === query.userName.toLowerCase());
  const groupNames = user ? groupsOf(user.id).map((g) => g.display) : [];
  const allowed = user && user.active !== false && (!query.role || groupNames.includes(query.role));
  response.sendStatus(allowed ? 204 : 403);
});
// All but so many users that were made last are forgotten. SCIMMY reads a whole group to change it, and all users to list some.
app.post("/app/forget", ({ query }, response) => {
  forget([...users.keys()].slice(0, Math.max(0, users.size - Number(query.keep))));
  response.sendStatus(204);
});
app.use("/scim/v2", new SCIMMYRouters({ type: "bearer", handler: authorize }));
app.listen(Number(PORT), "127.0.0.1");

// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0
//
// Two SCIM clients of other people go through the life of users and groups, and a third implementation reads every answer.
import assert from "node:assert/strict";
import http from "node:http";
import {createRequire} from "node:module";
import {Octokit} from "@octokit/core";
import {enterpriseCloud} from "@octokit/plugin-enterprise-cloud";
import SCIMMY from "scimmy";

const {WorkspaceClient} = createRequire(import.meta.url)("@databricks/sdk-experimental");
const {SCIM_BASE_URL, SCIM_TOKEN} = process.env;
const root = new URL(SCIM_BASE_URL).origin, [, enterprise] = SCIM_BASE_URL.match(/\/scim\/v2\/enterprises\/([^/]+)$/);
const USER = "urn:ietf:params:scim:schemas:core:2.0:User", GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
SCIMMY.Schemas.User.extend(SCIMMY.Schemas.EnterpriseUser, false);

// read makes scimmy understand a body, which throws where it breaks the RFCs as scimmy reads them.
function read(body) {
  if (!body || typeof body !== "object") return;
  const has = name => body.schemas.some(urn => urn.endsWith(name));
  if (has(":ListResponse")) {
    new SCIMMY.Messages.ListResponse(body);
    body.Resources.filter(resource => resource.meta).forEach(read);
  } else if (has(":Error")) new SCIMMY.Messages.ErrorResponse({...body, schemas: undefined}); // with them it would throw what the body says
  else if (has(":User")) new SCIMMY.Schemas.User(body, "out");
  else if (has(":Group")) new SCIMMY.Schemas.Group(body, "out");
  else assert.fail(`a body of no known schema: ${body.schemas}`);
}

const status = async (want, call) => {
  const got = await call().then(answer => answer.status, error => error.status ?? error.statusCode);
  assert.equal(got, want);
};

async function octokit() {
  const client = new (Octokit.plugin(enterpriseCloud))({baseUrl: root});
  client.hook.before("request", options => { options.headers.authorization = `Bearer ${SCIM_TOKEN}`; }); // GitHub's own scheme is "token"
  client.hook.after("request", answer => read(answer.data));
  client.hook.error("request", error => { read(error.response?.data); throw error; });
  const api = client.enterpriseAdmin, at = {enterprise};
  const person = name => ({...at, schemas: [USER], externalId: name, active: true, userName: name, displayName: "Mona",
    name: {formatted: "Ms. Mona Lisa", familyName: "Lisa", givenName: "Mona"}, emails: [{value: `${name}@example.test`, type: "work", primary: true}],
    roles: [{value: "User", primary: false}]});
  const patch = (...Operations) => ({schemas: [PATCH], Operations});
  const find = async name => (await api.listProvisionedIdentitiesEnterprise({...at, filter: `userName eq "${name}"`, startIndex: 1, count: 100})).data;

  assert.equal((await find("mona")).totalResults, 0);
  const user = (await api.provisionEnterpriseUser(person("mona"))).data, other = (await api.provisionEnterpriseUser(person("lisa"))).data;
  await status(409, () => api.provisionEnterpriseUser(person("MONA")));
  assert.deepEqual((await find("Mona")).Resources.map(found => found.id), [user.id]);
  const self = {...at, scim_user_id: user.id};
  assert.deepEqual((await api.getProvisioningInformationForEnterpriseUser(self)).data, user);
  await api.setInformationForProvisionedEnterpriseUser({...self, ...person("mona"), displayName: "Mona L."});
  // The quotes of GitHub's documentation are single ones.
  const changed = (await api.updateAttributeForEnterpriseUser({...self, ...patch(
    {op: "replace", path: "emails[type eq 'work'].value", value: "new@example.test"}, {op: "replace", path: "name.familyName", value: "L"})})).data;
  assert.deepEqual(changed.emails, [{value: "new@example.test", type: "work", primary: true}]);
  for (const operation of [{op: "replace", path: "active", value: false}, {op: "replace", value: {active: true}}]) {
    const {data} = await api.updateAttributeForEnterpriseUser({...self, ...patch(operation)});
    assert.equal(data.active, operation.value.active ?? operation.value);
  }

  const group = (await api.provisionEnterpriseGroup({...at, schemas: [GROUP], externalId: "8aa1a0c0", displayName: "Engineering",
    members: [{value: user.id, displayName: "Mona Lisa"}]})).data;
  const members = async () => (await api.getProvisioningInformationForEnterpriseGroup(team)).data.members?.map(member => member.value).sort();
  const team = {...at, scim_group_id: group.id}, both = [user.id, other.id].sort();
  assert.equal((await api.getProvisioningInformationForEnterpriseGroup({...team, excludedAttributes: "members"})).data.members, undefined);
  await api.updateAttributeForEnterpriseGroup({...team, ...patch({op: "add", path: "members", value: [{value: other.id}]}, {op: "replace", path: "displayName", value: "Staff"})});
  assert.deepEqual(await members(), both);
  await api.updateAttributeForEnterpriseGroup({...team, ...patch({op: "remove", path: "members", value: [{value: other.id}]})});
  assert.deepEqual(await members(), [user.id]);
  await api.setInformationForProvisionedEnterpriseGroup({...team, schemas: [GROUP], displayName: "Staff", externalId: "8aa1a0c0", members: [{value: other.id, displayName: "x"}]});
  assert.deepEqual(await members(), [other.id]);
  assert.equal((await api.listProvisionedGroupsEnterprise({...at, filter: 'externalId eq "8aa1a0c0"', excludedAttributes: "members"})).data.totalResults, 1);

  await api.deleteScimGroupFromEnterprise(team);
  await api.deleteUserFromEnterprise(self);
  await status(404, () => api.deleteUserFromEnterprise(self));
  await status(404, () => api.getProvisioningInformationForEnterpriseUser(self));
  await api.deleteUserFromEnterprise({...at, scim_user_id: other.id});
}

// rewrite serves the paths that the Databricks SDK insists on.
function rewrite() {
  const target = new URL(SCIM_BASE_URL);
  const server = http.createServer((question, answer) => {
    const path = target.pathname + question.url.replace("/api/2.0/preview/scim/v2", "");
    question.pipe(http.request({host: target.hostname, port: target.port, path, method: question.method, headers: question.headers}, reply => {
      answer.writeHead(reply.statusCode, reply.headers);
      reply.pipe(answer);
    }));
  });
  return new Promise(done => server.listen(0, "127.0.0.1", () => done(server)));
}

async function databricks() {
  const server = await rewrite();
  const client = new WorkspaceClient({host: `http://127.0.0.1:${server.address().port}`, token: SCIM_TOKEN, authType: "pat", retryTimeoutSeconds: 5});
  const {usersV2: users, groupsV2: groups} = client;
  // It sends neither schemas nor an Accept of application/scim+json.
  const user = await users.create({userName: "dbx@example.test", active: true, entitlements: [{value: "workspace-access"}], groups: [], emails: [{value: "dbx@example.test", primary: true}]});
  assert.equal((await users.get({id: user.id})).entitlements[0].value, "workspace-access");
  for await (const found of users.list({attributes: "userName", count: 1, filter: 'userName co "DBX"', sortBy: "userName", sortOrder: "descending"})) {
    assert.equal(found.id, user.id);
    break; // it would ask for the same page for ever
  }
  assert.equal((await users.update({id: user.id, userName: "dbx@example.test", active: false})).active, false);
  // It sends a PATCH without its body.
  await status(400, () => users.patch({id: user.id, schemas: [PATCH], Operations: [{op: "replace", path: "active", value: true}]}));
  const group = await groups.create({displayName: "dbx", members: [{value: user.id}], entitlements: [{value: "x"}]});
  assert.equal((await groups.get({id: group.id})).members[0].value, user.id);
  assert.equal((await groups.update({id: group.id, displayName: "dbx 2", members: []})).members, undefined);
  await status(501, () => client.currentUser.me());
  await groups.delete({id: group.id});
  await users.delete({id: user.id});
  await status(404, () => users.get({id: user.id}));
  server.close();
  server.closeAllConnections();
}

for (const run of [octokit, databricks]) {
  try {
    await run();
    console.log(`PASS ${run.name}`);
  } catch (error) {
    console.log(`FAIL ${run.name}: ${error.stack}`);
    process.exitCode = 1;
  }
}
process.exit();

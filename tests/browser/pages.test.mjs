// Every page, at two widths, light and dark, with and without JavaScript: accessible, no overflow, a silent console,
// valid HTML. A new page is one line in the lists below. SHOTS=folder writes a picture of each.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startPeer } from '../peers/peers.mjs';
import { makeKeyPair, temporaryFolder } from '../peers/process.mjs';
import { beginDirectory, setUpDirectory } from './directory.mjs';
import { ADMIN, signIn, startDoorward } from './doorward.mjs';
import { examine, launchBrowser, visit, ways } from './harness.mjs';
import { beginDraft, sendResponse, setUpConnection, signInThrough } from './wizard.mjs';

/** What a stranger sees: path and status, 200 unless said. */
const outside = ({ active, link }) => [
  [link],
  [`/sso/${active}/tested/tst_that_somebody_ran`],
  ['/sign-in'],
  ['/sign-in?return_to=/account'],
  ['/sign-in/password'],
  ['/sign-out'],
  [`/saml/${active}/slo`, 400],
  ['/link/dwlink_no_such_link', 404],
  ['/nowhere', 404],
];

/** What a stranger does, and what comes of it. */
const outsideStates = ({ peer, doorward, active }) => [
  ['wrong password', (page) => submit(page, '/sign-in/password', { email: ADMIN.email, password: 'a wrong password!' })],
  [
    'refused sign-in',
    async (page) => {
      await page.goto(peer.unsolicitedUrl(`${doorward.url}/saml/${active}`));
      if (await page.locator('[name=username]').isVisible()) await peer.signIn(page, 'bob');
      await sendResponse(page);
      await page.waitForURL((url) => url.origin === doorward.url);
    },
  ],
];

/** What the admin sees. */
const inside = ({ draft, active, team, view, directory, waiting }) => [
  ['/account'],
  ['/account/sign-in-methods'],
  ['/account/sessions'],
  ['/sign-out'],
  ['/admin/security'],
  ['/admin/security/sso/new'],
  ['/admin/security/sso/new?q=okta'],
  ['/admin/security/sso/new?q=nothing+like+this'],
  ...['app', 'metadata', 'attributes', 'test', 'on', 'discard'].map((step) => [`/admin/security/sso/${draft}/setup/${step}`]),
  ...['', '/attributes', '/sign-ins', '/sign-ins?result=refused&person=ada&from=2026-13-01', '/revisions', '/activity', '/edit', '/deactivate', '/delete', '/certificates/new', '/certificates/rehearsal', '/metadata/take', '/setup/metadata', '/setup/test'].map((page) => [
    `/admin/security/sso/${active}${page}`,
  ]),
  ['/admin/security/directories/new'],
  ['/admin/security/directories/new?q=google'],
  ['/admin/security/directories/new?q=nothing+like+this'],
  ...['', '/setup/connect', '/setup/sync', '/setup/groups', '/setup/on'].map((page) => [
    `/admin/security/directories/${waiting}${page}`,
  ]),
  ...['', '/groups', '/requests', '/requests?status=king&changes=true&person=ada', '/tolerances', '/duplicates', '/edit', '/tokens/new', '/disable', '/let-pass', '/setup/on'].map((page) => [
    `/admin/security/directories/${directory}${page}`,
  ]),
  ['/admin/security/checklist'],
  [`/admin/security/checklist?connection=${draft}`],
  ['/admin/members'],
  ['/admin/members/new'],
  ['/admin/members?role=member&source=manual&job_title=Nurse&tag=Group:Nobody&status=all'],
  ['/admin/members/roles?status=all'],
  ['/admin/teams'],
  ['/admin/teams/new'],
  [`/admin/teams/${team}`],
  [`/admin/teams/${team}/delete`],
  ['/admin/roles'],
  ['/admin/roles/new'],
  ['/admin/roles/viewer'],
  ['/admin/roles/viewer/delete'],
  ['/admin/sessions'],
  ['/admin/sessions?q=bob&method=saml&ip=203.0.113&from=2026-13-01'],
  ['/admin/sessions/end'],
  ['/admin/sessions/end?before=2026-11-20&method=saml'],
  ['/admin/sessions/end?ip=203.0.113'],
  ['/admin/audit'],
  ['/admin/audit?q=bob'],
  ['/admin/audit/views'],
  ['/admin/audit/views/new?event=member.created&q=bob'],
  [`/admin/audit/views/${view}`],
  [`/admin/audit/views/${view}/delete`],
  ['/admin/audit?q=nothing+like+%22this%22'],
  ['/admin/audit?event=bogus&result=bogus&from=2026-13-01'],
  ['/admin/members?q=ad&role=king'],
  ['/admin/api-keys'],
  ['/admin/api-keys/new'],
  ['/admin/settings/general'],
  ['/admin/settings/health'],
  ['/admin/settings/network'],
  ['/about/licences'],
  ['/help/search'],
  ['/help/search?q=DW-00000'],
  ['/help/search?q=Reply+URL'],
  ['/help/search?q=Workspace+Admin'],
  ['/help/search?q=nothing+like+this'],
  ['/help/providers'],
  ['/help/providers?q=nothing+like+this'],
  ['/help/providers/entra-saml'],
  [`/help/providers/okta-saml?connection=${draft}`],
  ['/help/providers/okta-scim'],
  ['/admin/nowhere', 404],
];

/** What the admin does, and what comes of it. */
const insideStates = ({ draft, active, directory, waiting }) => [
  ['metadata that is none', (page) => submit(page, `/admin/security/sso/${draft}/setup/metadata`, { metadata: '<html>' })],
  ['a test', (page) => follow(page, `/admin/security/sso/${active}/setup/test`, 'main a[href*="/tests/"]')],
  ['the trace of a refusal', (page) => follow(page, `/admin/security/sso/${active}/sign-ins`, 'main a[href*="/sign-ins/"]')],
  [
    'a password link',
    async (page) => {
      const email = `${Math.random().toString(36).slice(2)}@example.test`;
      await submit(page, '/admin/members/new', { email, name: 'Grace Example' });
    },
  ],
  ['sessions of one person', (page) => follow(page, '/admin/sessions', 'main a[href*="/admin/sessions/end?member="]')],
  ['an event', (page) => follow(page, '/admin/audit', 'main a[href*="/admin/audit/evt_"]')],
  [
    'events about one thing',
    async (page) => {
      await follow(page, '/admin/audit', 'main a[href*="/admin/audit/evt_"]');
      await page.locator('main a[href*="target="]').first().click();
      await page.getByText('Show all').waitFor();
    },
  ],
  ['a new key', (page) => submit(page, '/admin/api-keys/new', { name: 'Nightly export' })],
  ['a key to delete', (page) => follow(page, '/admin/api-keys', 'main a[href$="/delete"]')],
  ['a certificate to remove', (page) => follow(page, `/admin/security/sso/${active}`, 'main a[href$="/remove"]')],
  ['a request', (page) => follow(page, `/admin/security/directories/${directory}/requests`, 'main a[href*="/requests/req_"]')],
  ['a preview of groups', (page) => submit(page, `/admin/security/directories/${directory}/groups`, { roles: 'viewer' })],
  ['a group mapping that is wrong', (page) => submit(page, `/admin/security/directories/${waiting}/groups`, mapping('x'.repeat(301)))],
  ['a token to delete', (page) => follow(page, `/admin/security/directories/${directory}`, 'main a[href*="/tokens/"][href$="/delete"]')],
  ['settings of a directory that are wrong', (page) => submit(page, `/admin/security/directories/${directory}/edit`, { guard_share: '0' })],
  ['two members to merge', (page) => follow(page, `/admin/security/directories/${directory}/duplicates`, 'main a[href*="/duplicates/mem_"]')],
  ['a role mapping that is wrong', (page) => submit(page, `/admin/security/sso/${active}/attributes`, mapping('x'.repeat(301)))],
  ['a preview of role mappings', (page) => submit(page, `/admin/security/sso/${active}/attributes`, mapping('staff'))],
  ['a member who signed in', (page) => follow(page, '/admin/members?source=sso', 'main a[href*="/admin/members/mem_"]')],
  ['a key to switch to', (page) => follow(page, `/admin/security/sso/${active}`, 'main a[href$="/switch"]')],
  ['a member', (page) => follow(page, '/admin/members', 'main a[href*="/admin/members/mem_"]')],
];

/** The first row of the mappings. */
const mapping = (value) => ({ value, roles: 'viewer' });

/** The next certificate is trusted beside the one in use, another was removed, and our own next key is published. */
async function rollOver(connection) {
  const { folder, remove } = await temporaryFolder('certificates');
  const path = `/connections/${connection}/certificates`;
  for (const name of ['next', 'removed']) {
    const { certificate } = await makeKeyPair(folder, name);
    await doorward.api('POST', path, { certificates: [await readFile(certificate, 'utf8')] });
  }
  const { data } = await doorward.api('GET', path);
  await doorward.api('DELETE', `${path}/${data.at(-1).sha256}`);
  await doorward.api('POST', `/connections/${connection}/keys`);
  await remove();
}

let browser, peer, doorward, world;
before(async () => {
  browser = await launchBrowser();
  peer = await startPeer('simplesamlphp');
  doorward = await startDoorward({ env: { DOORWARD_OUTBOUND_ALLOW: peer.host } });
  await doorward.createAdmin();
  const page = await browser.newPage({ baseURL: doorward.url });
  await signIn(page, doorward);
  const active = await setUpConnection(page, peer, doorward);
  await signInThrough(await browser.newPage({ baseURL: doorward.url }), peer, doorward, 'bob');
  await rollOver(active);
  const draft = await beginDraft(page, 'okta-saml');
  const member = await doorward.api('POST', '/members', { email: 'linked@example.test' });
  const { url } = await doorward.api('POST', `/members/${member.id}/password-link`, {});
  await doorward.api('POST', '/roles', { name: 'Viewer', permissions: ['members.read', 'audit.read'] });
  const team = await doorward.api('POST', '/teams', { name: 'iOS' });
  await doorward.api('PUT', `/teams/${team.id}/members/${member.id}`);
  const view = await doorward.api('POST', '/audit-views', { name: 'Refused sign-ins', filter: { action: 'sign_in.refused' } });
  const twin = await doorward.api('POST', '/members', { email: 'twin@example.test' });
  await doorward.api('POST', `/members/${twin.id}/deactivate`, {});
  const { id: directory, push } = await setUpDirectory(page, doorward);
  // One who administers and one who was deactivated stay apart; a group is renamed since it was mapped.
  for (const email of [ADMIN.email, 'twin@example.test']) {
    await push('POST', '/Users', { userName: email, emails: [{ value: email }], active: 'True' });
  }
  const [group] = (await push('GET', '/Groups')).Resources;
  await push('PATCH', `/Groups/${group.id}`, { Operations: [{ op: 'replace', path: 'displayName', value: 'Doorward Engineers' }] });
  // Members are still added by hand in what follows.
  await doorward.api('PATCH', `/directories/${directory}`, { member_lock: 'open' });
  const waiting = await beginDirectory(page, 'entra-scim');
  world = { directory, waiting, view: view.id, peer, doorward, active, draft, team: team.id, link: new URL(url).pathname };
});
after(async () => {
  await doorward?.stop();
  await peer?.stop();
  await browser.close();
});

for (const way of ways) {
  const name = `${way.width} px, ${way.theme}, ${way.javaScript ? 'with' : 'without'} JavaScript`;
  const open = () => browser.newPage({ baseURL: doorward.url, ...way });

  test(`pages outside at ${name}`, async (t) => {
    const page = await open();
    await examineAll(t, page, outside(world), outsideStates(world));
  });

  test(`pages inside at ${name}`, async (t) => {
    const page = await open();
    await signIn(page, doorward);
    await examineAll(t, page, inside(world), insideStates(world));
  });
}

test('the first view of any page takes at most 150 KB', async () => {
  const known = await browser.newPage({ baseURL: doorward.url });
  await signIn(known, doorward);
  const cookies = await known.context().cookies();
  const sizes = [];
  for (const [path] of [...outside(world), ...inside(world)]) {
    // Each in a browser that has seen nothing of ours.
    const page = await browser.newPage({ baseURL: doorward.url });
    await page.context().addCookies(cookies);
    await page.goto(path);
    await page.evaluate(() => document.fonts.ready);
    const bytes = await page.evaluate(() => {
      const entries = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
      return entries.reduce((sum, entry) => sum + entry.transferSize, 0);
    });
    sizes.push([bytes, path]);
    await page.context().close();
  }
  const [largest, path] = sizes.sort(([a], [b]) => b - a)[0];
  assert.ok(largest > 60_000, `only ${largest} bytes: it is not measured`);
  assert.ok(largest <= 150_000, `${path} takes ${largest} bytes`);
  console.log(`largest first view: ${largest} bytes, ${path.replace(/_[0-9a-z]{26}/, '')}`);
});

test('pages of the first start', async (t) => {
  const fresh = await startDoorward();
  t.after(() => fresh.stop());
  const code = await fresh.said(/\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b/);
  for (const way of ways) {
    await t.test(`at ${way.width} px, ${way.theme}, ${way.javaScript ? 'with' : 'without'} JavaScript`, async () => {
      const page = await browser.newPage({ baseURL: fresh.url, ...way });
      await visit(page, '/setup');
      await page.fill('[name=code]', code);
      await page.click('main [type=submit]');
      await page.waitForURL('**/setup/address');
      await examine(page, 'setup-address');
      await page.getByRole('button', { name: 'Yes, continue' }).click();
      await page.waitForURL('**/setup/admin');
      await examine(page, 'setup-admin');
      // Nothing is made, so that the next one finds a first start too.
      await submit(page, '/setup/admin', { name: 'Ada Example', email: 'ada@example.test', password: 'short' });
      await examine(page, 'setup-admin-wrong');
    });
  }
});

test('pages of members whom a directory covers', async (t) => {
  const own = await startDoorward();
  t.after(() => own.stop());
  await own.createAdmin();
  await own.api('POST', '/members', { email: 'grace@example.test', roles: ['admin'] });
  const team = await own.api('POST', '/teams', { name: 'iOS' });
  const directory = await own.api('POST', '/directories', { name: 'Acme', provider: 'okta' });
  const mappings = [
    { match: 'group', value: 'Doorward Admins', roles: ['admin'] },
    { match: 'group', value: 'iOS', team: team.id, tag: 'Contractor' },
  ];
  await own.api('PUT', `/directories/${directory.id}/role-mappings`, mappings);
  await own.api('POST', `/directories/${directory.id}/enable`, {});
  const push = async (path, body) => {
    const headers = { authorization: `Bearer ${directory.token}`, 'content-type': 'application/scim+json' };
    const answer = await fetch(`${own.url}/scim/v2/${directory.id}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 201);
    return answer.json();
  };
  const user = await push('/Users', { userName: 'grace@example.test', externalId: '00u1k7x2p3Qm9TzB5d7', active: true });
  for (const displayName of ['Doorward Admins', 'iOS']) await push('/Groups', { displayName, members: [{ value: user.id }] });
  const organization = await own.api('GET', '/organization');
  await own.api('PUT', '/organization', { name: organization.name, slug: 'main', default_role: 'member', seats: 3 });
  const { data } = await own.api('GET', '/members?source=scim');
  for (const way of ways) {
    await t.test(`at ${way.width} px, ${way.theme}, ${way.javaScript ? 'with' : 'without'} JavaScript`, async () => {
      const page = await browser.newPage({ baseURL: own.url, ...way });
      await signIn(page, own);
      await visit(page, '/admin/members?status=all');
      await visit(page, '/admin/members?coverage=uncovered');
      await visit(page, '/admin/members/new');
      for (const what of ['', '/merge', '/remove']) await visit(page, `/admin/members/${data[0].id}${what}`);
      await visit(page, `/admin/teams/${team.id}`);
    });
  }
  // What it leaves once it is off, and whom it would bring back.
  await own.api('POST', `/directories/${directory.id}/disable`, {});
  await own.api('POST', `/members/${data[0].id}/deactivate`, {});
  for (const way of ways) {
    await t.test(`turned off, at ${way.width} px, ${way.theme}`, async () => {
      const page = await browser.newPage({ baseURL: own.url, ...way });
      await signIn(page, own);
      await visit(page, `/admin/members/${data[0].id}`);
      await visit(page, `/admin/teams/${team.id}`);
      await visit(page, `/admin/security/directories/${directory.id}/setup/on`);
    });
  }
});

async function examineAll(t, page, paths, states) {
  for (const [path, status] of paths) await t.test(path, () => visit(page, path, status));
  for (const [name, act] of states) {
    await t.test(name, async () => {
      await act(page);
      await examine(page, name);
    });
  }
}

async function submit(page, path, fields) {
  page.complaints.length = 0;
  await page.goto(path);
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`[name=${name}]`).first();
    const isList = (await field.evaluate((element) => element.tagName)) === 'SELECT';
    await (isList ? field.selectOption(value) : field.fill(value));
  }
  const answer = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.click('main form:has(.input, .textarea) [type=submit]');
  await answer;
  await page.waitForLoadState();
}

async function follow(page, path, link) {
  page.complaints.length = 0;
  await page.goto(path);
  await page.locator(link).first().click();
  await page.waitForLoadState();
}

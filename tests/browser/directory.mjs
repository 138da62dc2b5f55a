// The steps of the directory wizard, as an admin takes them, with an identity provider that pushes by fetch.
import assert from 'node:assert/strict';

/** Speaks SCIM with a token, as an identity provider does. */
export const pusher = (base, token) => async (method, path, body) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  const response = await fetch(`${base}${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? undefined : response.json();
};

const user = (email) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName: email,
  emails: [{ value: email, type: 'work', primary: true }],
});

/** From Security & Access to a directory that is on; returns its id. `page` is a signed-in admin's. */
export async function setUpDirectory(page, doorward) {
  const id = await beginDirectory(page, 'okta-scim');
  const push = await connect(page, doorward);
  await seeWhoCame(page, push);
  await mapGroups(page);
  await page.getByRole('button', { name: /^Turn on/ }).click();
  await page.waitForURL((url) => url.pathname === `/admin/security/directories/${id}`);
  await page.getByText('On', { exact: true }).first().waitFor();
  return { id, push };
}

/** Chooses a provider; returns the id of the directory that waits. */
export async function beginDirectory(page, connector) {
  await page.goto('/admin/security');
  await page.getByRole('link', { name: /^(Set up directory|Add directory)$/ }).click();
  await page.fill('#q', 'nothing like this');
  await page.press('#q', 'Enter');
  await page.getByRole('heading', { name: 'No provider by that name' }).waitFor();
  await page.getByRole('link', { name: 'Show all providers' }).click();
  await page.click(`.pick[value=${connector}]`);
  await step(page, 'connect');
  return page.url().match(/\/directories\/(dir_[0-9a-z]{26})\//)[1];
}

async function step(page, name) {
  await page.waitForURL((url) => url.pathname.endsWith(`/setup/${name}`));
}

/** What was waited for: by itself with JavaScript, by the link beside it without. */
async function comes(page, text) {
  if (!page.javaScript) await page.getByRole('link', { name: 'Refresh' }).click();
  await page.getByText(text).first().waitFor();
}

async function connect(page, doorward) {
  const base = (await page.innerText('#give-0')).replace(/[\s\u200b]/g, '');
  assert.ok(base.startsWith(`${doorward.url}/scim/v2/dir_`), base);
  await page.getByText('Waiting for the first request from Okta').waitFor();
  await page.getByRole('button', { name: 'Make the token' }).click();
  const token = (await page.innerText('#token')).trim();
  assert.match(token, /^dwscim_/);
  await page.getByLabel("I've stored it").check();
  const push = pusher(base, token);
  await push('GET', '/Users?filter=userName%20eq%20%22nobody%22&startIndex=1&count=100');
  if (!page.javaScript) await page.goto(page.url().replace(/token$/, 'connect'));
  await page.locator('#waiting').getByText(/Okta tested the connection at \d\d:\d\d:\d\d/).waitFor();
  await page.getByRole('button', { name: 'Save and continue' }).click();
  return push;
}

async function seeWhoCame(page, push) {
  await step(page, 'sync');
  const grace = await push('POST', '/Users', user('grace@example.test'));
  await push('POST', '/Users', { ...user('x'), userName: 'jonas.weber', emails: [] });
  await push('POST', '/Groups', { displayName: 'Doorward Developers', members: [{ value: grace.id }] });
  await comes(page, 'grace@example.test');
  await page.getByText('Becomes a new member.').waitFor();
  await page.getByText('Nothing that was sent is an email address').waitFor();
  await page.getByText('Doorward Developers').waitFor();
  await page.getByRole('link', { name: 'Continue' }).click();
}

async function mapGroups(page) {
  await step(page, 'groups');
  await page.getByLabel(/^Role that row 1 gives/).selectOption('developer');
  await page.getByRole('button', { name: 'Preview the change' }).click();
  await page.getByRole('heading', { name: /person changes|people change/ }).waitFor();
  await page.getByRole('button', { name: 'Save and continue' }).click();
  await step(page, 'on');
  await page.getByText('1 person becomes a new member.').waitFor();
}
